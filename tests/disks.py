"""A file system of its own for a test, which can be full."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Mount an empty file system on a folder, or skip the test where that is not allowed."""
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True, check=False,
    ) if shutil.which("mount") else None  # fmt: skip
    if mount is None or mount.returncode:
        pytest.skip("no file system can be mounted here")
    yield
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Write until nothing goes in any more."""
    with (folder / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    return folder / "ballast"
