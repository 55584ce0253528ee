"""The door in: torch models become readable files, and weights come along.

    torch module --trace--> steps --nest--> scopes --fold--> blocks --write--> tree --print--> text, checked
"""

from archlang.importing.importing import Imported, import_model

__all__ = ["Imported", "import_model"]
