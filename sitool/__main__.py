"""`python -m sitool` is the command `sitool`."""

from sitool.cli import main

if __name__ == "__main__":
    main()
