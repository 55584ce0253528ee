"""The questions of an editor about a file that is being written, and the language server that hands it the answers.

All but `server/` is plain: texts, places and answers are data of this room, no protocol is known, and everything is
tested without a server. Nothing here imports torch.
"""
