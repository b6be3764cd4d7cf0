"""The parts of the house put together from the settings: the one room that knows all below."""
