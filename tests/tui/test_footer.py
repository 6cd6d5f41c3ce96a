"""The line of keys: looks as Textual's own, and stays as long as its keys are the same."""

from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.widgets import Footer, Static
from textual.widgets._footer import FooterKey
from waiting import text_of

from sitool.tui.footer import KeyFooter

PAIR = Binding.Group("move", compact=True)


class Field(Static, can_focus=True):
    BINDINGS: ClassVar = [
        Binding("a", "app.bell", "Accept"),
        Binding("h", "app.bell", "Left", group=PAIR),
        Binding("l", "app.bell", "Right", group=PAIR),
    ]


class Other(Static, can_focus=True):
    BINDINGS: ClassVar = [Binding("o", "app.bell", "Only here")]


class Keys(App[None]):
    BINDINGS: ClassVar = [Binding("s", "step", "Step", tooltip="One round")]
    busy = False

    def __init__(self, footer: Footer) -> None:
        super().__init__()
        self.footer = footer

    def compose(self) -> ComposeResult:
        yield Field("one", id="one")
        yield Field("two", id="two")
        yield Other("other", id="other")
        yield self.footer

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return None if action == "step" and self.busy else True

    def parts(self) -> list[FooterKey]:
        return list(self.query(FooterKey))


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("palette", [True, False])
async def test_it_looks_as_textuals_own(compact: bool, palette: bool) -> None:
    lines = []
    for kind in (Footer, KeyFooter):
        app = Keys(kind(show_command_palette=palette, compact=compact))
        async with app.run_test(size=(60, 6)) as pilot:
            for place in ("one", "other"):
                app.query_one(f"#{place}").focus()
                await pilot.pause()
                lines.append(app.screen._compositor.render_strips()[-1])
    theirs, ours = lines[:2], lines[2:]
    assert "Accept" in ours[0].text
    assert "Only here" in ours[1].text
    for one, other in zip(theirs, ours, strict=True):
        assert list(one) == list(other)


async def test_the_keys_stay_where_the_focus_moves_among_equals() -> None:
    app = Keys(KeyFooter())
    async with app.run_test() as pilot:
        app.query_one("#one").focus()
        await pilot.pause()
        before = app.parts()
        app.query_one("#two").focus()
        await pilot.pause()
        assert all(one is other for one, other in zip(before, app.parts(), strict=True))
        app.query_one("#other").focus()
        await pilot.pause()
        assert "Only here" in text_of(pilot)
        assert "Accept" not in text_of(pilot)


async def test_a_key_that_cannot_be_pressed_now_is_dim_until_it_can() -> None:
    app = Keys(KeyFooter())
    async with app.run_test() as pilot:
        await pilot.pause()
        for busy in (False, True, False):
            app.busy = busy
            app.refresh_bindings()
            await pilot.pause()
            (step,) = [key for key in app.parts() if key.description == "Step"]
            assert step.has_class("-disabled") == busy
