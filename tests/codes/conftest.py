"""The command line is called here as in its own tests."""

from tests.cli.conftest import call

__all__ = ["call"]
