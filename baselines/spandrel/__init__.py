"""Models in the format of their authors that spandrel recognises, as methods."""
