"""What is imported without looking for garbage, and that it is looked for again afterwards."""

import gc
import subprocess
import sys

import pytest

from sitool.imports import nothing_collected


def test_nobody_looks_for_garbage_within_and_afterwards_it_is_as_it_was() -> None:
    assert gc.isenabled()
    with nothing_collected():
        assert not gc.isenabled()
        with nothing_collected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), nothing_collected():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_the_command_starts_without_looking_for_garbage_and_runs_with_it() -> None:
    # A full look takes the longest: there is none until the command itself begins.
    code = (
        "import gc\n"
        "from sitool.imports import nothing_collected\n"
        "before = gc.get_stats()[2]['collections']\n"
        "import sitool.__main__\n"
        "print(gc.get_stats()[2]['collections'] - before, gc.isenabled())"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "0 True\n"
