"""Runs of these tests beside each other, which clear the same old temporary folders."""

import getpass
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ANOTHER_RUN = """
import getpass
import os
remove = os.rmdir

def rmdir(path, *more, **named):
    if "garbage-" in str(path):
        raise OSError({number}, {words!r}, str(path))
    remove(path, *more, **named)

os.rmdir = rmdir
"""


@pytest.mark.slow  # Another pytest in a process of its own.
@pytest.mark.parametrize(
    ("number", "words", "well"),
    [
        (39, "Directory not empty", True),  # The other run has put its lock there.
        (16, "Device or resource busy", False),  # That was no other run.
    ],
)
def test_a_run_goes_well_only_while_another_clears_the_same_folders(
    tmp_path: Path, number: int, words: str, well: bool
) -> None:
    for folder in range(5):
        (tmp_path / f"pytest-of-{getpass.getuser()}" / f"pytest-{folder}").mkdir(
            parents=True, mode=0o700
        )
    (tmp_path / "conftest.py").write_text(ANOTHER_RUN.format(number=number, words=words))
    (tmp_path / "test_one.py").write_text("def test_one(tmp_path): pass")
    options = ["-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *map(str, options), str(tmp_path)],
        env=os.environ | {"PYTEST_DEBUG_TEMPROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    sign = "error removing" if well else "unclosed scandir iterator"
    assert sign in said, "the other run got in the way"
    assert (done.returncode == 0) is well, said
