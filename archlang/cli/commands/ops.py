"""`archlang ops [NAME]`: the catalogue."""
