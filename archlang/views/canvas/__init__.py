"""Pages of shapes, and the files they become: SVG, PNG, PDF and TikZ from one drawing."""
