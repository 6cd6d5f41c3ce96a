"""The studies screen, the screen of a new study, and opening by folder, on real studies."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from studies import create, rows
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static
from waiting import until

import sitool
from sitool.engine import Engine
from sitool.front.recent import recent_studies, remember
from sitool.tui.dialogs import Ask
from sitool.tui.folders import FolderInput, OpenFolder, folders_like
from sitool.tui.form import SettingsForm
from sitool.tui.help import HelpScreen
from sitool.tui.keys import KeysInOrder
from sitool.tui.new_study import NewStudyScreen
from sitool.tui.studies import StudiesScreen, StudyTable
from sitool.tui.study_cards import columns


class Studies(KeysInOrder):
    def __init__(self, here: Path) -> None:
        super().__init__()
        self.here = here
        self.opened: list[Path] = []
        self.told: list[str] = []

    def on_mount(self) -> None:
        self.push_screen(StudiesScreen(self.here))

    def open_study(self, folder: Path) -> None:
        self.opened.append(folder)

    def notify(self, message: str, **options: Any) -> None:
        self.told.append(message)

    @property
    def table(self) -> StudyTable:
        return self.screen.query_one(StudyTable)

    def row(self, number: int) -> str:
        return " ".join(str(cell) for cell in self.table.get_row_at(number))

    def text(self, name: str) -> str:
        return str(self.screen.query_one(name, Static).render())


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def folder(two_rounds: Path, here: Path) -> Path:
    return Path(shutil.copytree(two_rounds, here / "mine"))


@asynccontextmanager
async def shown(
    here: Path, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[Studies, Pilot[None]]]:
    app = Studies(here)
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, StudiesScreen)
        await until(pilot, lambda: screen._listed and len(screen._cards) == len(screen._folders))
        yield app, pilot


# The list.


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12)])
async def test_each_study_is_listed_with_its_numbers(
    folder: Path, here: Path, size: tuple[int, int]
) -> None:
    async with shown(here, size) as (app, _):
        accuracy = sitool.open(folder).round(2).accuracy[0].value
        shown_row = app.row(0)
        assert shown_row.startswith("mine path · scrip" if size[0] >= 80 else "mine 2 ")
        assert f" 2 {accuracy:.2f}".replace("0.", ".") in shown_row
        assert any(bar in shown_row for bar in "▁▂▃▄▅▆▇█") == (size[0] >= 80)
        assert str(folder) in app.text("#about")
        assert "r0002 solves" in app.text("#about")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_the_columns_fit_the_terminal(width: int) -> None:
    padding, margins, scrollbar = 2, 2, 2
    assert sum(c.width + padding for c in columns(width)) <= width - margins - scrollbar


async def test_names_are_there_before_any_study_is_read(folder: Path, here: Path) -> None:
    remember(folder)
    app = Studies(here)
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.row(0).startswith("mine")


async def test_studies_opened_lately_come_first_then_those_here(
    folder: Path, here: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    create(elsewhere).close()
    remember(elsewhere)
    async with shown(here) as (app, _):
        assert [app.row(n).split()[0] for n in range(2)] == ["elsewhere", "mine"]


async def test_what_cannot_be_read_is_listed_with_the_reason(
    folder: Path, here: Path, tmp_path: Path
) -> None:
    (here / "broken").mkdir()
    (here / "broken" / "study.db").write_text("no database")
    newer = Path(shutil.copytree(folder, here / "newer"))
    with closing(sqlite3.connect(newer / "study.db")) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
        connection.commit()
    remember(tmp_path / "gone")
    async with shown(here) as (app, pilot):
        app.table.focus()
        said = {}
        for _ in range(4):
            said[app.row(app.table.cursor_row).split()[0]] = app.text("#about")
            await pilot.press("down")
            await pilot.pause()
        assert "not a database" in said["broken"]
        assert "format 99" in said["newer"]
        assert "There is no study in this folder any more" in said["gone"]
        assert "solves" in said["mine"]
        await pilot.press("enter")
        assert app.opened == []
        assert app.told


async def test_an_engine_at_work_is_shown_while_it_works(folder: Path, here: Path) -> None:
    study = sitool.open(folder)
    async with shown(here) as (app, pilot):
        assert "▸" not in app.row(0)
        with Engine(study._store):
            asked = study._store.journal.ask("step", {"rounds": 1, "to": None}, "somebody")
            app.screen.action_refresh()  # type: ignore[attr-defined]
            await until(pilot, lambda: "▸ working" in app.row(0))
            assert "works on it now" in app.text("#about")
            study._store.journal.mark(asked, "done")
        await pilot.press("r")
        await until(pilot, lambda: "▸" not in app.row(0))


async def test_a_change_elsewhere_is_seen(folder: Path, here: Path) -> None:
    async with shown(here) as (app, pilot):
        sitool.open(folder).step()
        app.screen._look()  # type: ignore[attr-defined]
        await until(pilot, lambda: "path · scripted 3" in app.row(0))


async def test_a_name_is_never_markup_nor_an_escape_sequence(folder: Path, here: Path) -> None:
    folder.rename(here / "[red]\x1b[31mx")
    async with shown(here) as (app, _):
        assert app.row(0).startswith("[red]␛[31mx")
        assert "[red]␛[31mx" in app.text("#about")


async def test_the_terminal_may_be_resized(folder: Path, here: Path) -> None:
    async with shown(here) as (app, pilot):
        for size in ((40, 12), (200, 60), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert app.row(0).startswith("mine")


# What can be done with a study.


async def test_enter_opens_and_remembers(folder: Path, here: Path) -> None:
    async with shown(here) as (app, pilot):
        await pilot.press("enter")
        assert app.opened == [folder]
        await until(pilot, recent_studies)
        assert recent_studies()[0].folder == folder


async def test_duplicate_copies_to_a_free_name(folder: Path, here: Path) -> None:
    async with shown(here) as (app, pilot):
        await pilot.press("d")
        await until(pilot, lambda: app.table.row_count == 2)
        assert rows(here / "mine-copy", "SELECT * FROM rounds") == rows(
            folder, "SELECT * FROM rounds"
        )
        assert app.told == [f"Copied to {here / 'mine-copy'}."]


async def test_delete_asks_naming_what_is_lost(folder: Path, here: Path) -> None:
    samples = rows(folder, "SELECT count(*) FROM samples")[0][0]
    async with shown(here) as (app, pilot):
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        question = " ".join(str(label.render()) for label in app.screen.query("Label"))
        assert f"2 rounds, {samples:,} samples" in question
        await pilot.press("n")
        await pilot.pause()
        assert folder.exists()
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: not folder.exists())
        await until(pilot, lambda: app.screen.query_one("#offer").display)


async def test_a_study_at_work_is_neither_copied_nor_deleted(folder: Path, here: Path) -> None:
    study = sitool.open(folder)
    async with shown(here) as (app, pilot):
        with Engine(study._store):
            study._store.journal.ask("step", {"rounds": 1, "to": None}, "somebody")
            await pilot.press("d")
            await until(pilot, lambda: app.told)
            await pilot.press("x")
            await until(pilot, lambda: isinstance(app.screen, Ask))
            await pilot.press("y")
            await until(pilot, lambda: len(app.told) == 2)
        assert all("is working on" in said for said in app.told)
        assert folder.exists()


async def test_a_study_that_is_gone_is_taken_off_the_list(here: Path, tmp_path: Path) -> None:
    remember(tmp_path / "gone")
    async with shown(here) as (app, pilot):
        await pilot.press("x")
        await until(pilot, lambda: not recent_studies())
        await until(pilot, lambda: app.screen.query_one("#offer").display)


async def test_help_explains_the_list(folder: Path, here: Path) -> None:
    async with shown(here) as (app, pilot):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))


# An empty machine.


async def test_an_empty_machine_is_offered_the_demo_study(here: Path) -> None:
    async with shown(here, (80, 24)) as (app, pilot):
        assert "Enter" in app.text("#offer")
        await pilot.press("enter")
        await until(pilot, lambda: app.opened)
        assert app.opened == [here / "demo-study"]
        assert sitool.open(here / "demo-study").settings.seed == 7


async def test_where_the_demo_cannot_be_made_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    async with shown(tmp_path / "file") as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: app.told)
        assert "cannot be written" in app.told[0]
        assert app.opened == []


# A new study.


async def new_screen(app: Studies, pilot: Pilot[None]) -> NewStudyScreen:
    await pilot.press("n")
    await until(pilot, lambda: isinstance(app.screen, NewStudyScreen))
    await pilot.pause()
    assert isinstance(app.screen, NewStudyScreen)
    return app.screen


async def choose(screen: NewStudyScreen, pilot: Pilot[None], preset: str) -> None:
    presets = screen.query_one("#presets", OptionList)
    presets.highlighted = presets.get_option_index(preset)
    await pilot.pause()


async def test_a_preset_a_name_and_the_study_is_open(here: Path) -> None:
    async with shown(here) as (app, pilot):
        screen = await new_screen(app, pilot)
        await choose(screen, pilot, "scripted")
        assert "No model at all" in app.text("#preset-about")
        assert "model.base" in app.text("#preset-about")
        await pilot.press("enter")
        assert app.focused is screen.query_one("#folder")
        assert screen.query_one("#folder", Input).value == str(here / "scripted-study")
        await pilot.press("enter")
        await until(pilot, lambda: app.opened)
        assert app.opened == [here / "scripted-study"]
        assert sitool.open(app.opened[0]).settings.model.base == "scripted"


async def test_settings_can_be_changed_before_the_study_is_made(here: Path) -> None:
    async with shown(here, (80, 24)) as (app, pilot):
        screen = await new_screen(app, pilot)
        await choose(screen, pilot, "scripted")
        await pilot.press("ctrl+t", "enter", "4", "2")
        assert screen.query_one(SettingsForm).assignments() == ["seed=42"]
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.opened)
        assert sitool.open(app.opened[0]).settings.seed == 42


async def test_a_round_of_the_new_study_is_estimated(here: Path) -> None:
    async with shown(here, (80, 24)) as (app, pilot):
        screen = await new_screen(app, pilot)
        await until(pilot, lambda: "A round takes" in app.text("#estimate"))
        form = screen.query_one(SettingsForm)
        form._take("sampler.chunk_rows", "65536")
        form._take("draw.problems", "100000")
        form._take("draw.samples", "1000")
        form._take("sampler.max_new_tokens", "8000")
        await until(pilot, lambda: "✗" in app.text("#estimate"))
        assert "does not fit" in app.text("#estimate")


async def test_edits_outlive_a_change_of_preset(here: Path) -> None:
    async with shown(here) as (app, pilot):
        screen = await new_screen(app, pilot)
        form = screen.query_one(SettingsForm)
        form._take("draw.samples", "3")
        await choose(screen, pilot, "smoke")
        assert form.assignments() == ["draw.samples=3"]


async def test_a_wrong_folder_is_said_at_the_folder(folder: Path, here: Path) -> None:
    (here / "file").write_text("x")
    async with shown(here) as (app, pilot):
        screen = await new_screen(app, pilot)
        field = screen.query_one("#folder", Input)
        for text, said in (
            (str(folder), "There is a study in this folder already"),
            (str(here / "file"), "This is a file"),
            ("", "Type a name"),
            ("x" * 3000, "cannot be a folder"),
        ):
            field.value = text
            await pilot.pause()
            assert said in app.text("#folder-says")
            await pilot.press("ctrl+s")
            assert app.screen is screen
        field.value = str(here / "file" / "below")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "cannot be written" in app.text("#folder-says"))
        assert app.opened == []


async def test_nothing_is_written_while_a_setting_is_wrong(here: Path) -> None:
    async with shown(here) as (app, pilot):
        screen = await new_screen(app, pilot)
        form = screen.query_one(SettingsForm)
        form._take("draw.problems", "0")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: form.query("#table-draw"))
        assert app.screen is screen
        assert list(here.iterdir()) == []


async def test_a_base_that_is_not_there_is_said_at_the_base(here: Path) -> None:
    async with shown(here) as (app, pilot):
        screen = await new_screen(app, pilot)
        form = screen.query_one(SettingsForm)
        form._take("model.base", "tny")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "model.base" in form.complaints)
        assert "There is no base 'tny'" in form.complaints["model.base"]
        assert list(here.iterdir()) == []
        form._take("model.base", "scripted")
        assert not form.complaints


# Opening by folder.


def test_folders_are_offered_as_they_are_typed(here: Path) -> None:
    for name in ("one", "only", "two", ".hidden"):
        (here / name).mkdir()
    (here / "on-file").write_text("x")
    assert folders_like(f"{here}/on") == [f"{here}/one/", f"{here}/only/"]
    assert folders_like(f"{here}/.") == [f"{here}/.hidden/"]
    assert len(folders_like(f"{here}/")) == 3
    assert folders_like(f"{here}/nothing/") == []
    assert folders_like("\0") == []


async def test_a_folder_is_completed_and_opened(folder: Path, here: Path) -> None:
    async with shown(here) as (app, pilot):
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, OpenFolder))
        field = app.screen.query_one(FolderInput)
        field.value = f"{here}/mi"
        await until(pilot, lambda: field._suggestion)
        assert "● " in str(app.screen.query_one(OptionList).get_option_at_index(0).prompt)
        await pilot.press("tab")
        assert field.value == f"{folder}/"
        await pilot.press("enter")
        await until(pilot, lambda: app.opened)
        assert app.opened == [folder]


async def test_a_folder_without_a_study_says_so(here: Path) -> None:
    async with shown(here) as (app, pilot):
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, OpenFolder))
        app.screen.query_one(FolderInput).value = str(here)
        await pilot.press("enter")
        await pilot.pause()
        assert "There is no study in" in app.text("#says")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, StudiesScreen))
        assert app.opened == []
