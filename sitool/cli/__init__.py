"""The command line: the only part that prints."""

from sitool.cli.app import main

__all__ = ["main"]
