"""The command `sitool`, also as `python -m sitool`."""

import sys
from pathlib import Path

from sitool.cli import screen
from sitool.errors import SitoolError
from sitool.imports import nothing_collected


def main() -> None:
    """Run the command line; a mistake of the user's ends with 2 and no traceback."""
    words = sys.argv[1:]
    try:
        if screen.asks_for_app(words):
            screen.run_app(Path(words[1]) if words else None)
        else:
            _run_command()
    except SitoolError as error:
        _tell(error)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(0)


def _run_command() -> None:
    with nothing_collected():
        from sitool.cli.app import app
    app()


def _tell(error: SitoolError) -> None:
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"error: {error.message}", markup=False)
    if error.hint:
        console.print(error.hint, markup=False)


if __name__ == "__main__":
    main()
