"""Where sitool keeps what belongs to this machine and to no study."""

import os
from pathlib import Path


def state_folder() -> Path:
    """Return the folder under XDG_STATE_HOME; it need not be there yet."""
    home = os.environ.get("XDG_STATE_HOME", "")
    # The specification says to ignore a path that is not absolute.
    root = Path(home) if Path(home).is_absolute() else Path("~/.local/state").expanduser()
    return root / "sitool"
