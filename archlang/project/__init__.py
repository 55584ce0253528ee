"""A project: a file, all that it imports, and the whole written as one file."""
