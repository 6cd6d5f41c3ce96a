"""The form of settings: made from their declarations, checked on every change."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Select, Static, Switch
from waiting import until

from sitool import registry
from sitool.config import Settings
from sitool.front.declared import about_group, settings_of, stepped, written
from sitool.presets import build_settings, describe_settings, preset_names
from sitool.tui.draft import Draft
from sitool.tui.fields import SettingField
from sitool.tui.form import FOUND_AT_MOST, REST_SECONDS, SettingsForm


class FormApp(App[None]):
    def __init__(self, form: SettingsForm) -> None:
        super().__init__()
        self.form = form
        self.changes: list[SettingsForm.Changed] = []

    def compose(self) -> ComposeResult:
        yield self.form

    def on_settings_form_changed(self, event: SettingsForm.Changed) -> None:
        self.changes.append(event)

    def field(self, path: str) -> SettingField:
        return next(f for f in self.fields() if f.setting.path == path)

    def fields(self) -> list[SettingField]:
        panes = [pane for pane in self.query(".fields") if pane.display]
        return [field for pane in panes for field in pane.query(SettingField)]

    def paths(self) -> list[str]:
        return [f.setting.path for f in self.fields()]

    def groups(self) -> set[str]:
        return {path.rpartition(".")[0] or "study" for path in self.paths()}

    def said(self, path: str, part: str) -> str:
        return str(self.field(path).query_one(f".{part}", Static).render())


@asynccontextmanager
async def shown(
    settings: Settings, reference: Settings | None = None, locked: Sequence[str] = (), **more: Any
) -> AsyncIterator[tuple[FormApp, Pilot[None]]]:
    app = FormApp(SettingsForm(settings, reference, locked))
    async with app.run_test(**more) as pilot:
        await pilot.pause()
        yield app, pilot


async def go_to(app: FormApp, pilot: Pilot[None], group: str) -> None:
    groups = app.query_one("#groups", OptionList)
    groups.highlighted = groups.get_option_index(group)
    await until(pilot, lambda: app.groups() == {group})


def draft(*assignments: str) -> Draft:
    return Draft(build_settings(assignments=assignments))


# What a draft knows.


@pytest.mark.parametrize("task", registry.names("task"))
def test_every_declared_setting_is_in_the_form_of_its_task(task: str) -> None:
    mine = [s.path for s in settings_of(task)]
    declared = {info.path for info in describe_settings() if not info.path.startswith("task.")}
    assert declared <= set(mine)
    assert len(mine) == len(set(mine))
    assert all(about_group(s.group, task) for s in settings_of(task))


@pytest.mark.parametrize("preset", preset_names())
def test_what_is_shown_of_a_setting_reads_back_as_its_value(preset: str) -> None:
    settings = build_settings(preset)
    edited = Draft(settings)
    for setting in edited.settings:
        edited.type(setting.path, edited.text(setting.path))
    assert edited.assignments() == []
    assert not edited.complaints
    assert edited.build() == settings


@pytest.mark.parametrize(
    ("path", "text", "assignment"),
    [
        ("draw.problems", "64", "draw.problems=64"),
        ("trainer.learning_rate", "1e-4", "trainer.learning_rate=0.0001"),
        ("selection.cap_per_problem", " 5 ", "selection.cap_per_problem=5"),
        ("curriculum.rule", "manual", "curriculum.rule=manual"),
        ("selection.dedup", "false", "selection.dedup=false"),
        ("curriculum.weights", "{ 5 = 1, 6 = 2.5 }", "curriculum.weights={ 5 = 1, 6 = 2.5 }"),
        ("model.base", "org/name", "model.base=org/name"),
        ("model.base", "123", 'model.base="123"'),
        ("model.base", 'a "b" c', 'model.base=a "b" c'),
        ("seed", "9007199254740993", "seed=9007199254740993"),
    ],
)
def test_an_edit_becomes_an_assignment_that_says_the_same(
    path: str, text: str, assignment: str
) -> None:
    edited = draft()
    edited.type(path, text)
    assert edited.assignments() == [assignment]
    assert not edited.complaints
    assert build_settings(assignments=[assignment]) == edited.build()


def test_typing_the_old_value_again_is_no_change() -> None:
    edited = draft()
    for text in ("0.01", "2e-3"):
        edited.type("trainer.learning_rate", text)
    assert edited.assignments() == []
    assert not edited.differs("trainer.learning_rate")


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("draw.problems", "0", "It must be at least 1."),
        ("draw.problems", "many", "It must be a whole number."),
        ("draw.problems", "2.5", "It must be a whole number."),
        ("draw.problems", "", "It must be a whole number."),
        ("trainer.learning_rate", "x", "It must be a number."),
        ("trainer.learning_rate", "nan", "It must be a finite number."),
        ("curriculum.weights", "5: 1", "It must be written like { 5 = 1.0, 6 = 2.0 }."),
        ("curriculum.weights", "{ 5 = -1 }", "It must be at least 0."),
        ("verifier.names", "truth", 'It must be written like ["truth"].'),
        ("verifier.names", '["trth"]', "Did you mean 'truth'?"),
        ("selection.verifiers", '["judge"]', "which verifier.names does not run"),
        ("evaluation.verifiers", "mc", 'It must be written like ["mc"].'),
        ("evaluation.verifiers", '["mcc"]', "Did you mean 'mc'?"),
        ("verifier.names", '["human"]', "stands above the verifiers"),
        ("judge.mc_prompt", "Right?", "it must have the placeholder {prompt}"),
    ],
)
def test_what_is_wrong_is_said_of_the_setting(path: str, text: str, said: str) -> None:
    edited = draft()
    edited.type(path, text)
    assert list(edited.complaints) == [path]
    assert said in edited.complaints[path]
    edited.type(path, edited.was(path))
    assert not edited.complaints
    assert edited.assignments() == []


def test_what_two_settings_have_wrong_is_said_at_both() -> None:
    edited = draft()
    edited.type("curriculum.low", "0.7")
    assert set(edited.complaints) == {"curriculum.low", "curriculum.high"}
    assert "must be below high" in edited.complaints["curriculum.low"]
    edited = draft()
    edited.type("judge.correct", "incorrect")
    assert set(edited.complaints) == {"judge.correct", "judge.incorrect"}
    assert "must be two words" in edited.complaints["judge.correct"]


def test_another_task_brings_its_own_settings() -> None:
    edited = draft()
    edited.type("task.nodes", "12")
    edited.type("draw.problems", "64")
    edited.type("task.name", "addition")
    assert [s.name for s in edited.settings if s.group == "task"] == [
        "name", "max_level", "least_significant_first", "columns",
    ]  # fmt: skip
    assert sorted(edited.assignments()) == ["draw.problems=64", "task.name=addition"]
    edited.type("task.max_level", "6")
    assert edited.build().task.model_dump()["max_level"] == 6


def test_edits_move_to_another_preset() -> None:
    edited = draft()
    edited.type("draw.samples", "3")
    edited.type("task.nodes", "12")
    moved = edited.moved_to(build_settings("addition"))
    assert moved.assignments() == ["draw.samples=3"]
    assert moved.build().task.name == "addition"


@pytest.mark.parametrize(
    ("path", "text", "up", "down"),
    [
        ("draw.problems", "64", "65", "63"),
        ("draw.problems", "1", "2", "1"),
        ("trainer.learning_rate", "0.002", "0.003", "0.001"),
        ("trainer.learning_rate", "0.001", "0.002", "0.0009"),
        ("trainer.learning_rate", "1", "1", "0.9"),
        ("curriculum.low", "0.2", "0.25", "0.15"),
        ("curriculum.low", "0", "0.05", "0"),
        ("trainer.weight_decay", "0", "0.1", "0"),
        ("engine.idle_seconds", "300", "400", "200"),
        ("draw.problems", "junk", "257", "255"),
    ],
)
def test_a_step_is_of_the_numbers_own_size_and_keeps_to_the_bounds(
    path: str, text: str, up: str, down: str
) -> None:
    setting = draft().find(path)
    assert (stepped(setting, text, 1), stepped(setting, text, -1)) == (up, down)


def test_a_number_that_must_be_above_zero_never_steps_to_it() -> None:
    setting, text = draft().find("trainer.learning_rate"), "0.002"
    for _ in range(100):
        text = stepped(setting, text, -1)
        assert float(text) > 0


def test_fast_steps_double_and_halve() -> None:
    setting = draft().find("draw.problems")
    assert stepped(setting, "64", 1, fast=True) == "128"
    assert stepped(setting, "65", -1, fast=True) == "32"
    assert written(float(stepped(draft().find("trainer.alpha"), "32", -1, fast=True))) == "16"


# What the form shows.


async def test_each_kind_of_setting_has_its_editor() -> None:
    async with shown(Settings()) as (app, pilot):
        await go_to(app, pilot, "selection")
        assert isinstance(app.field("selection.rule").editor, Select)
        assert isinstance(app.field("selection.dedup").editor, Switch)
        assert isinstance(app.field("selection.beta").editor, Input)
        await until(pilot, lambda: "ties stay" in app.said("selection.quantile", "about"))
        assert "above 0, at most 1" in app.said("selection.quantile", "about")


async def test_typing_is_checked_at_once_and_marked() -> None:
    async with shown(Settings()) as (app, pilot):
        await go_to(app, pilot, "draw")
        app.field("draw.problems").editor.focus()
        await pilot.press("6", "4")
        assert app.form.assignments() == ["draw.problems=64"]
        assert "was 256" in app.said("draw.problems", "mark")
        assert app.changes[-1].valid
        await pilot.press("x")
        assert not app.changes[-1].valid
        assert app.changes[-1].complaints == {"draw.problems": "It must be a whole number."}
        assert "✗ It must be a whole number." in app.said("draw.problems", "about")
        assert "✗" in str(app.query_one("#groups", OptionList).get_option("draw").prompt)
        await pilot.press("ctrl+r")
        assert app.form.assignments() == []
        assert app.form.valid
        assert app.said("draw.problems", "mark") == ""


async def test_keys_step_a_number_and_turn_a_switch() -> None:
    async with shown(Settings()) as (app, pilot):
        await go_to(app, pilot, "draw")
        app.field("draw.problems").editor.focus()
        await pilot.press("up", "up", "down", "pagedown")
        assert app.form.assignments() == ["draw.problems=128"]
        await go_to(app, pilot, "selection")
        app.field("selection.dedup").editor.focus()
        await pilot.press("space")
        assert "selection.dedup=false" in app.form.assignments()


async def test_a_choice_is_made_by_keys() -> None:
    async with shown(Settings()) as (app, pilot):
        await go_to(app, pilot, "trainer")
        app.field("trainer.schedule").editor.focus()
        await pilot.press("enter", "down", "enter")
        await pilot.pause()
        assert app.form.assignments() == ["trainer.schedule=linear"]


async def test_what_was_typed_is_there_after_looking_elsewhere() -> None:
    async with shown(Settings()) as (app, pilot):
        await go_to(app, pilot, "draw")
        app.field("draw.problems").editor.focus()
        await pilot.press("7")
        await go_to(app, pilot, "engine")
        await go_to(app, pilot, "draw")
        editor = app.field("draw.problems").editor
        assert isinstance(editor, Input)
        assert editor.value == "7"
        assert "was 256" in app.said("draw.problems", "mark")


async def test_differences_from_the_reference_are_marked_and_can_be_undone() -> None:
    now = build_settings(assignments=["trainer.epochs=5"])
    async with shown(now, Settings()) as (app, pilot):
        assert app.form.assignments() == []
        assert app.form.differing() == 1
        await go_to(app, pilot, "trainer")
        await until(pilot, lambda: "was 2" in app.said("trainer.epochs", "mark"))
        app.field("trainer.epochs").editor.focus()
        await pilot.press("ctrl+r")
        assert app.form.assignments() == ["trainer.epochs=2"]
        assert app.form.differing() == 0


async def test_locked_settings_are_shown_with_the_reason_and_cannot_be_edited() -> None:
    async with shown(Settings(), locked=("seed", "task", "model")) as (app, pilot):
        await go_to(app, pilot, "draw")
        for group in ("study", "model", "task"):
            await go_to(app, pilot, group)
            assert app.paths()
            assert all(field.disabled for field in app.fields())
            assert "belongs to the whole study" in str(app.query_one("#group-about").render())


async def test_the_search_finds_names_and_help_in_all_tables() -> None:
    async with shown(Settings()) as (app, pilot):
        await pilot.press("ctrl+f", *"rate adamw")
        await until(pilot, lambda: app.paths() == ["trainer.learning_rate"])
        await pilot.press("enter")
        await until(pilot, lambda: app.focused is app.field("trainer.learning_rate").editor)
        await pilot.press("up")
        assert app.form.assignments() == ["trainer.learning_rate=0.003"]
        await go_to(app, pilot, "draw")
        assert app.paths() == ["draw.problems", "draw.samples"]
        assert app.query_one("#search", Input).value == ""


async def test_a_search_says_when_it_finds_nothing_or_too_much() -> None:
    async with shown(Settings()) as (app, pilot):
        search = app.query_one("#search", Input)
        search.value = "xyzzy"
        await until(pilot, lambda: "Try fewer" in str(app.query_one("#group-about").render()))
        await until(pilot, lambda: app.paths() == [])
        search.value = "e"
        await until(pilot, lambda: len(app.paths()) == FOUND_AT_MOST)
        assert "not shown" in str(app.query_one("#group-about").render())


async def test_choosing_a_task_changes_what_is_asked() -> None:
    async with shown(Settings()) as (app, pilot):
        await go_to(app, pilot, "task")
        editor = app.field("task.name").editor
        assert isinstance(editor, Select)
        editor.value = "addition"
        names = ("name", "max_level", "least_significant_first", "columns")
        await until(pilot, lambda: app.paths() == [f"task.{name}" for name in names])
        assert app.form.assignments() == ["task.name=addition"]


async def test_entering_a_table_that_is_not_drawn_yet_goes_to_its_first_setting() -> None:
    async with shown(Settings()) as (app, pilot):
        await go_to(app, pilot, "draw")
        app.query_one("#groups").focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.groups() == {"curriculum"})
        await until(pilot, lambda: app.focused is app.field("curriculum.rule").editor)


async def test_going_quickly_through_the_tables_ends_at_the_last() -> None:
    async with shown(Settings()) as (app, pilot):
        app.query_one("#groups").focus()
        await pilot.press(*["down"] * 12, *["up"] * 3)
        groups = app.query_one("#groups", OptionList)
        here = groups.get_option_at_index(groups.highlighted or 0).id
        await until(pilot, lambda: app.groups() == {here})


async def test_a_complaint_from_elsewhere_is_shown_until_the_next_edit() -> None:
    async with shown(Settings()) as (app, pilot):
        app.form.complain("model.base", "There is no base 'x'.")
        app.form.show_complaint()
        await until(pilot, lambda: app.groups() == {"model"})
        await until(pilot, lambda: "There is no base" in app.said("model.base", "about"))
        await until(pilot, lambda: app.focused is app.field("model.base").editor)
        await pilot.press("t")
        assert app.form.complaints == {}


async def test_a_complaint_keeps_the_screen_whatever_the_list_tells_later() -> None:
    async with shown(Settings()) as (app, pilot):
        groups = app.query_one("#groups", OptionList)
        first = OptionList.OptionHighlighted(groups, groups.get_option_at_index(0), 0)
        app.form.complain("model.base", "There is no base 'x'.")
        app.form.show_complaint()
        groups.post_message(first)  # As on a busy machine, from before the complaint.
        app.form._show_soon(REST_SECONDS)
        await until(pilot, lambda: app.groups() == {"model"})
        await until(pilot, lambda: app.focused is app.field("model.base").editor)
        assert groups.get_option_at_index(groups.highlighted or 0).id == "model"
        await until(pilot, lambda: app.form._timer is None and not app.form._showing)
        assert app.groups() == {"model"}
        assert app.focused is app.field("model.base").editor


async def test_text_of_a_setting_is_never_markup() -> None:
    bad = "[bold]\x1b[31m/x[/nope]"
    was = Settings().model_copy(update={"model": Settings().model.model_copy(update={"base": bad})})
    async with shown(Settings(), was, size=(80, 24)) as (app, pilot):
        await go_to(app, pilot, "model")
        await until(pilot, lambda: "[bold]␛[31m/x[/nope]" in app.said("model.base", "mark"))
