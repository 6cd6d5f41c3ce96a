"""The command `sitool`, also as `python -m sitool`."""

from sitool.imports import nothing_collected

with nothing_collected():
    from sitool.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
