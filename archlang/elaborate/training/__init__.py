"""The `train { }` of a file: its plan, its phases, the sites of its losses, what its patterns name."""
