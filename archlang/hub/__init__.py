"""Networks on the Hugging Face Hub: model file, text, drawing, card. No code of a repository is ever run."""

from archlang.hub.hub import from_pretrained, push_to_hub

__all__ = ["from_pretrained", "push_to_hub"]
