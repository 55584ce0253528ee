"""The door in: torch models become readable files, and weights come along.

    torch module --trace--> steps --nest--> scopes --fold--> blocks --write--> tree --print--> text, checked
"""

from archlang.importing.importing import ImportedModel, import_model, import_source
from archlang.importing.leaves import Leaf
from archlang.importing.sources import TorchSource, open_source

__all__ = ["ImportedModel", "Leaf", "TorchSource", "import_model", "import_source", "open_source"]
