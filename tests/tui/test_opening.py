"""The first frame: there before anything of a study is imported, and no key typed into it lost."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from studies import create
from textual.widgets import Static
from waiting import burst, until, until_seen

from sitool.process import end_engine
from sitool.tui import keys, opening
from sitool.tui.app import SitoolApp
from sitool.tui.opening import OpeningScreen
from sitool.tui.settings import SettingsScreen
from sitool.tui.studies import StudiesScreen
from sitool.tui.study import StudyScreen

WIDE = (120, 40)
ENOUGH = """
import sys
import sitool.__main__
import sitool.tui.app
late = {"numpy", "pydantic", "typer", "sqlite3", "sitool.config", "sitool.tui.study"}
print(sorted(late & set(sys.modules)))
"""
SLOW_PART = "import time\nfor _ in range(50):\n    time.sleep(0.01)\nWHOLE = True\n"


def test_the_first_frame_needs_nothing_that_reads_a_study() -> None:
    said = subprocess.run(
        [sys.executable, "-c", ENOUGH], capture_output=True, text=True, check=False
    )
    assert said.stdout == "[]\n", said.stderr


@pytest.fixture
def slow_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the first screens that takes its time to be imported."""
    (tmp_path / "slow_part.py").write_text(SLOW_PART)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "slow_part", raising=False)
    monkeypatch.setattr(opening, "FIRST_SCREENS", (*opening.FIRST_SCREENS, "slow_part"))
    monkeypatch.setattr(keys, "PATIENCE_SECONDS", 0.05)


async def test_keys_typed_into_the_first_frame_are_for_the_study(
    tmp_path: Path, slow_start: None
) -> None:
    create(tmp_path / "study").close()
    app = SitoolApp(tmp_path / "study", warm=False)
    async with app.run_test(size=WIDE) as pilot:
        assert isinstance(app.screen, OpeningScreen)
        burst(pilot, "o")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await pilot.press("escape", "q")
        await until(pilot, lambda: isinstance(app.screen, StudiesScreen))
        await until_seen(pilot, str(tmp_path / "study"))
    end_engine(tmp_path / "study")


async def test_the_first_frame_names_the_study(tmp_path: Path, slow_start: None) -> None:
    create(tmp_path / "a study").close()
    app = SitoolApp(tmp_path / "a study", warm=False)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, " sitool  a study ", "Opening …")
        await until_seen(pilot, " sitool  a study ", "Samples")


async def test_without_a_study_the_studies_come(tmp_path: Path, slow_start: None) -> None:
    app = SitoolApp(warm=False)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, StudiesScreen))
        assert len(app.screen_stack) == 2


async def test_one_can_leave_while_it_is_opened(tmp_path: Path, slow_start: None) -> None:
    app = SitoolApp(tmp_path, warm=False)
    async with app.run_test(size=WIDE) as pilot:
        burst(pilot, "o", "ctrl+q")
        await until(pilot, lambda: app.return_code is not None)
    assert app.return_code == 0
    assert app.mistake is None
    assert not hasattr(sys.modules.get("slow_part"), "WHOLE")


async def test_a_screen_that_cannot_be_imported_ends_the_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "FIRST_SCREENS", ("sitool.tui.not_there",))
    app = SitoolApp(tmp_path, warm=False)
    with pytest.raises(ModuleNotFoundError, match=r"sitool\.tui\.not_there"):
        async with app.run_test(size=WIDE) as pilot:
            await until(pilot, lambda: app.return_code is not None)


def test_a_study_that_is_not_there_ends_the_app_with_a_sentence(tmp_path: Path) -> None:
    code, drawn = in_pty("open", str(tmp_path / "nowhere"))
    assert code == 2
    assert "error: There is no study in" in drawn.rpartition("\x1b")[2]
    assert "nowhere" in drawn.rpartition("\x1b")[2]


async def test_a_screen_that_comes_as_one_leaves_breaks_nothing(tmp_path: Path) -> None:
    create(tmp_path / "study").close()
    app = SitoolApp(tmp_path / "study", warm=False)

    class Late(Static):
        def on_mount(self) -> None:
            app.exit()
            self.query_one("#what-is-gone")

    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, StudyScreen))
        await app.screen.mount(Late())
    assert app.return_code == 0


def test_an_app_that_breaks_ends_with_1_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        'import sys\nsys.modules["sitool.tui.studies"] = None  # Its import fails.\n'
    )
    code, drawn = in_pty(PYTHONPATH=str(tmp_path))
    assert code == 1
    assert "sitool.tui.studies" in drawn.rpartition("\x1b[?1049l")[2]


def in_pty(*words: str, **environment: str) -> tuple[int, str]:
    """Run the command in a terminal, and return how it ended and what it wrote."""
    mine, its = pty.openpty()
    command = [sys.executable, "-m", "sitool", *words]
    env = os.environ | environment
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=env) as program:
        os.close(its)
        drawn = b""
        while chunk := _read(mine):
            drawn += chunk
    os.close(mine)
    return program.returncode, drawn.decode()


def _read(terminal: int) -> bytes:
    """Return what comes next; nothing when the program has gone and its terminal with it."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""
