"""The settings of the next round, on a real study."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Static
from waiting import until

from sitool.client import Study
from sitool.tui.desk import Desk, Done, Looked
from sitool.tui.dialogs import Ask
from sitool.tui.fields import SettingField
from sitool.tui.form import SettingsForm
from sitool.tui.help import HelpScreen
from sitool.tui.settings import SettingsScreen


class OneStudy(App[None]):
    def __init__(self, study: Study) -> None:
        super().__init__()
        self.desk = Desk(study.folder, self.post_message)
        self.results: list[Any] = []
        self.opened = False

    def on_mount(self) -> None:
        self.desk.start()

    def on_looked(self, event: Looked) -> None:
        if not self.opened:
            self.opened = True
            self.push_screen(SettingsScreen(event.look, self.desk.ask), self.results.append)

    def on_done(self, event: Done) -> None:
        event.then(event.result)


@asynccontextmanager
async def opened(
    study: Study, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[OneStudy, Pilot[None]]]:
    app = OneStudy(study)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.screen.query(SettingField))
        yield app, pilot
    app.desk.close()


def text_of(app: OneStudy, name: str) -> str:
    return str(app.screen.query_one(name, Static).render())


async def edit(app: OneStudy, pilot: Pilot[None], path: str, *keys: str) -> None:
    form = app.screen.query_one(SettingsForm)
    groups: Any = form.query_one("#groups")
    groups.highlighted = groups.get_option_index(path.partition(".")[0])
    await until(pilot, lambda: any(f.setting.path == path for f in form.query(SettingField)))
    field = next(f for f in form.query(SettingField) if f.setting.path == path)
    await until(pilot, lambda: field.query("Input, Select, Switch"))
    await until(pilot, lambda: field.query_ancestor(".fields").display)
    field.editor.focus()
    await pilot.press(*keys)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_changes_are_applied_to_the_next_round(study: Study, size: tuple[int, int]) -> None:
    async with opened(study, size) as (app, pilot):
        assert "starts from r0002" in text_of(app, "#title")
        await edit(app, pilot, "draw.problems", "1", "2")
        assert "1 change not applied yet" in text_of(app, "#standing")
        assert "1 differs from r0002" in text_of(app, "#standing")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.results)
    assert app.results == [{"draw.problems": (24, 12)}]
    assert study.settings.draw.problems == 12
    assert study.round(2).settings.draw.problems == 24


async def test_what_differs_from_the_head_is_marked_from_the_start(study: Study) -> None:
    study.configure("trainer.epochs=7")
    async with opened(study) as (app, pilot):
        await edit(app, pilot, "trainer.epochs")
        field = next(f for f in app.screen.query(SettingField) if f.setting.name == "epochs")
        await until(pilot, lambda: "was 2" in str(field.query_one(".mark", Static).render()))
        assert "1 differs from r0002" in text_of(app, "#standing")
        await pilot.press("ctrl+r", "ctrl+s")
        await until(pilot, lambda: app.results)
    assert study.settings.trainer.epochs == 2


async def test_a_wrong_setting_is_not_applied(study: Study) -> None:
    before = study.settings
    async with opened(study) as (app, pilot):
        await edit(app, pilot, "draw.problems", "x", "ctrl+s")
        await until(pilot, lambda: any("Mend what" in n.message for n in app._notifications))
        assert isinstance(app.screen, SettingsScreen)
        assert "✗ 1 wrong" in text_of(app, "#standing")
        assert not app.results
    assert study.settings == before


async def test_what_the_study_refuses_is_said_and_leaves_all_as_it_was(study: Study) -> None:
    before = study.settings
    async with opened(study) as (app, pilot):
        await edit(app, pilot, "curriculum.lowest", "6", "0", "ctrl+s")
        await until(pilot, lambda: text_of(app, "#answer"))
        assert text_of(app, "#answer").startswith("✗ ")
        assert "as they were" in text_of(app, "#answer")
        assert isinstance(app.screen, SettingsScreen)
        assert app.screen.query_one(SettingsForm).assignments() == ["curriculum.lowest=60"]
        await pilot.press("backspace")
        assert not app.screen.query_one("#answer").display
    assert study.settings == before


async def test_what_belongs_to_the_whole_study_cannot_be_edited(study: Study) -> None:
    async with opened(study) as (app, pilot):
        await edit(app, pilot, "task.nodes", "9")
        assert app.screen.query_one(SettingsForm).assignments() == []
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, SettingsScreen)


async def test_leaving_asks_only_if_something_would_be_lost(study: Study) -> None:
    async with opened(study) as (app, pilot):
        await edit(app, pilot, "draw.problems", "7", "escape")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await pilot.press("ctrl+r", "escape")
        await until(pilot, lambda: app.results)
    assert app.results == [None]


async def test_a_round_under_way_keeps_its_own_settings(study: Study) -> None:
    study.step(to="select")
    async with opened(study) as (app, _):
        assert "r0003 is under way with its own" in text_of(app, "#title")


async def test_help_explains_the_form(study: Study) -> None:
    async with opened(study) as (app, pilot):
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))


async def test_the_next_round_is_estimated_as_it_would_be(study: Study) -> None:
    async with opened(study) as (app, pilot):
        await until(pilot, lambda: "next: about" in text_of(app, "#standing"))
        before = app.screen._estimated  # type: ignore[attr-defined]
        await edit(app, pilot, "draw.problems", "9", "9")
        await until(pilot, lambda: app.screen._estimated != before)  # type: ignore[attr-defined]
