"""One module for each page, named after it."""
