"""Habits from PyTorch, Keras and Python: names and forms of theirs, with the text that means the same here.

`docs/from-pytorch.md` shows the tables of this folder; tests read them as well. A file that is right is never looked
at: `refine` only words the mistakes anew that elaboration has found.
"""
