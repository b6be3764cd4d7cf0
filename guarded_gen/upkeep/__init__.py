"""For whoever runs the service: back-ups, and what is wrong with an installation."""
