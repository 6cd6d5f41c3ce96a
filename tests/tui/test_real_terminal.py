"""The app in a real terminal: type, read the screen, and find what was done in the study."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from studies import create
from waiting import LONGEST_SECONDS

import sitool
from sitool.process import end_engine


class Tmux:
    """A terminal of its own, on a socket of its own."""

    def __init__(self, socket: Path, command: str, size: tuple[int, int]) -> None:
        self._socket = socket
        width, height = map(str, size)
        self("new-session", "-d", "-x", width, "-y", height, command)

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", str(self._socket), *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout

    def press(self, *keys: str) -> None:
        """Type keys, all at once as over a slow line."""
        self("send-keys", *keys)

    def screen(self) -> str:
        """Return what is on the screen."""
        return self("capture-pane", "-p")

    def until(self, true: Callable[[str], bool], seconds: float = LONGEST_SECONDS) -> str:
        """Wait for something on the screen."""
        deadline = time.monotonic() + seconds
        while not true(screen := self.screen()):
            assert time.monotonic() < deadline, screen
            time.sleep(0.1)
        return screen


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    create(tmp_path / "study", real=True).close()
    yield tmp_path / "study"
    end_engine(tmp_path / "study")


@pytest.fixture
def terminal(folder: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("there is no tmux to make a terminal with")
    # A socket's path must be short.
    socket = Path(f"/tmp/sitool-test-{os.getpid()}")
    state = f"XDG_STATE_HOME={folder.parent} SITOOL_ENGINE=process OMP_NUM_THREADS=1"
    environment = f"env -u COLUMNS -u LINES TERM=xterm-256color {state}"
    command = f"{environment} {sys.executable} -m sitool open {folder}"
    made = Tmux(socket, command, (120, 40))
    yield made
    made("kill-server")
    socket.unlink(missing_ok=True)


def test_step_reject_step_and_quit(terminal: Tmux, folder: Path) -> None:
    terminal.until(lambda screen: "Press s" in screen)
    terminal.press("s")
    terminal.until(lambda screen: "r0001 ●" in screen and "Samples of r0001" in screen)
    study = sitool.open(folder)
    terminal.press("Home", "x")
    terminal.until(lambda screen: "✎1" in screen)
    (ruled,) = study.round(1).samples(overruled=True)
    assert ruled.ruling is not None
    assert ruled.ruling.action == "reject"
    terminal.press("s")
    terminal.until(lambda screen: "r0002 ●" in screen)
    terminal.press("q")
    terminal.until(lambda screen: "Studies" in screen or "studies" in screen)
    terminal.press("q")
    terminal.until(lambda screen: "●" not in screen)
    assert study.head is not None
    assert study.head.number == 2
    study.close()


def test_a_terminal_may_shrink_and_grow(terminal: Tmux) -> None:
    terminal.until(lambda screen: "Press s" in screen)
    tiny, small, large = ("samples   cha",), ("samples   charts",), ("Rounds", "Curriculum")
    for width, height, words in ((40, 12, tiny), (80, 24, small), (120, 40, large)):
        terminal("resize-window", "-x", str(width), "-y", str(height))
        screen = terminal.until(
            lambda s, w=words, h=height: len(s.splitlines()) == h and all(x in s for x in w)
        )
        assert screen.startswith(" sitool")
        assert "Traceback" not in screen
