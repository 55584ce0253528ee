"""Sphinx's settings for the site that `make docs` builds; the pages come from `python -m docs.site`."""

project = "archlang"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "archlang"
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_copy_source = False

# `:::{container}` holds the cards of the gallery.
myst_enable_extensions = ["colon_fence"]

# Headings get the anchors that links on the pages name, as a repository's own view of a page gives them.
myst_heading_anchors = 4

# Without it a straight quote in prose becomes a curly one, which nobody can paste.
smartquotes = False

# `arch` comes from archlang itself, by Pygments' entry point.
highlight_language = "text"
