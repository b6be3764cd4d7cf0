"""How servers of ``/videos`` differ: one dialect a file."""
