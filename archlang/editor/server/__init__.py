"""The language server: the answers of this room in the words of the Language Server Protocol, over pygls."""
