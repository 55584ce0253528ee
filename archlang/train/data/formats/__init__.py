"""Readers of published data formats and of folders of images; `catalogue` lists them."""
