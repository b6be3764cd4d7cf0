"""People who agreed that their likeness is recognised: the record, and how they are enrolled."""
