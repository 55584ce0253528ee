"""A network's text and its drawing side by side: the page of `archlang serve`, and the same view in a notebook.

What the page shows is plain data, worked out in `looking.py` and its neighbours; `server.py` alone knows the protocol.
Nothing here imports torch.
"""
