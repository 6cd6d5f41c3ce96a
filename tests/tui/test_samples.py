"""The samples panel on real studies: what it lists, how one moves, filters, sorts and rules."""

import queue
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sampling import OnePanel, ask, fitting, listed
from studies import create
from textual import events
from waiting import LONGEST_SECONDS, settled, text_of, until

from sitool.client import Study, open_study
from sitool.front.listing import Lister, Listing
from sitool.records import Action
from sitool.store import SampleFilter
from sitool.study.sample_columns import lay_out
from sitool.tui.inspector import InspectorScreen
from sitool.tui.rulings import Ruled
from sitool.tui.sample_table import SampleTable
from sitool.tui.siblings import SiblingsScreen

SIZE = (118, 20)


def scrolled_down(table: SampleTable) -> events.MouseScrollDown:
    return events.MouseScrollDown(table, 5, 5, 0, 1, 0, False, False, False)


async def test_it_lists_the_shown_round_and_says_where_it_is(two_rounds: Path) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        assert app.ids() == fitting(two_rounds, 2, lambda s: True)
        assert app.title_text == "Samples of r0002 · 1-17 of 96"
        rows = app.rows()
        for name in ("lvl", "prompt", "completion", "parsed", "truth", "score", "weight", "by"):
            assert name in rows[0]
        study = open_study(two_rounds)
        first = study.sample(app.ids()[0])
        study.close()
        assert first.completion.text.strip() in rows[1]
        assert rows[1].startswith("›")
        app.shown = 1
        app.panel.look(app.last, 1)  # type: ignore[arg-type]
        await listed(pilot, app)
        assert app.ids() == fitting(two_rounds, 1, lambda s: True)


async def test_of_the_base_it_lists_the_greedy_answers(two_rounds: Path) -> None:
    app = OnePanel(two_rounds, shown=0)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        assert app.ids() == fitting(two_rounds, 0, lambda s: True, role="greedy")
        assert "r0000 · greedy answers of the evaluation" in app.title_text
        await pilot.press("a", "x", "n")
        assert not app.said
        assert any("nobody overrules" in toast for toast in app.toasts)


async def test_keys_move_through_the_whole_list(two_rounds: Path) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        table = app.table
        fit = table.rows_in_sight
        for keys, row in (
            (["up"], 0), (["down", "down"], 2), (["pagedown"], 2 + fit), (["end"], 95),
            (["down"], 95), (["pageup"], 95 - fit), (["home"], 0),
        ):  # fmt: skip
            await pilot.press(*keys)
            assert table.row == row
            assert table.first_in_sight <= row < table.first_in_sight + fit
        await pilot.press("end")
        assert app.title_text.endswith(f"{96 - fit + 1}-96 of 96")
        assert app.rows()[-1].startswith("›")


async def test_the_mouse_moves_and_opens(two_rounds: Path) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        await pilot.click(app.table, offset=(5, 4))
        assert app.table.row == 3
        app.table.post_message(scrolled_down(app.table))
        await pilot.pause()
        assert app.table.first_in_sight > 0
        assert app.table.row == 3
        await pilot.click(app.table, offset=(5, 2), times=2)
        await pilot.pause()
        assert isinstance(app.screen, InspectorScreen)


async def test_a_filter_finds_what_it_says_and_escape_clears_it(two_rounds: Path) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        await ask(pilot, app, "accepted")
        assert app.ids() == fitting(two_rounds, 2, lambda s: s.accepted)
        assert "· accepted ·" in app.title_text
        await ask(pilot, app, " level:2-3")
        fits = fitting(two_rounds, 2, lambda s: s.accepted and 2 <= s.problem.level <= 3)
        assert app.ids() == fits
        assert app.panel.where == SampleFilter(round=2, accepted=True, levels=(2, 3))
        await pilot.press("escape")
        await listed(pilot, app)
        assert len(app.ids()) == 96


def test_a_search_is_over_only_when_that_is_told(two_rounds: Path) -> None:
    """Else a table could say that it shows everything before it does."""
    said: queue.Queue[Any] = queue.Queue()
    listing = Listing(SampleFilter(round=2, role="train"))
    lister = Lister(two_rounds, said.put)
    lister.start()
    lister.search(listing)
    while (told := said.get(timeout=LONGEST_SECONDS)).seconds is None:
        assert not listing.done
    lister.close()
    assert (listing.done, len(listing.ids)) == (False, 96)
    listing.conclude(told.seconds)
    assert listing.done


async def test_a_filter_that_fits_nothing_says_what_to_do(two_rounds: Path) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        await ask(pilot, app, "round:77")
        assert "No sample fits 'round:77'. Change the filter with /" in app.empty_text
        assert app.title_text.endswith("none")
        await pilot.press("a", "enter", "k", "v", "down", "end")
        assert not app.said
        await pilot.press("escape")
        await listed(pilot, app)
        assert app.empty_text == ""


async def test_sorting_goes_round_and_turns(two_rounds: Path) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        study = open_study(two_rounds)
        samples = {s.id: s for s in study.round(2).samples()}
        study.close()
        await pilot.press("b", "b")
        await listed(pilot, app)
        assert "by log p ↑" in app.title_text
        values = [samples[i].completion.logprob for i in app.ids()]
        assert values == sorted(values)
        await pilot.press("B")
        await listed(pilot, app)
        assert "by log p ↓" in app.title_text
        assert [samples[i].completion.logprob for i in app.ids()] == sorted(values)[::-1]
        await pilot.press("b", "b", "b")
        await listed(pilot, app)
        assert app.ids() == sorted(samples)
        assert "by" not in app.title_text


async def test_a_click_on_a_heading_sorts_and_a_second_one_turns(two_rounds: Path) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        study = open_study(two_rounds)
        levels = {s.id: s.problem.level for s in study.round(2).samples()}
        study.close()
        heading = str(app.screen.query_one(SampleTable).render_line(0).text)
        place = heading.index("lvl")
        await pilot.click(SampleTable, offset=(place, 0))
        await listed(pilot, app)
        assert [levels[i] for i in app.ids()] == sorted(levels.values())
        await pilot.click(SampleTable, offset=(place, 0))
        await listed(pilot, app)
        assert [levels[i] for i in app.ids()] == sorted(levels.values(), reverse=True)
        await pilot.click(SampleTable, offset=(heading.index("score"), 0))
        await listed(pilot, app)
        assert "by score" in app.title_text


async def test_before_the_first_round_it_says_what_to_press(tmp_path: Path) -> None:
    create(tmp_path / "study").close()
    app = OnePanel(tmp_path / "study", shown=None)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.last)
        await pilot.press("a", "enter", "b", "down")
        assert app.empty_text.startswith("No samples yet. Press s to step")


async def test_rulings_go_out_and_come_back_in_the_row(study: Study) -> None:
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        sample = app.ids()[1]
        await pilot.press("down", "x")
        await until(pilot, lambda: "✎" in app.rows()[2])
        assert "rejected it" in app.rows()[2]
        assert app.table.row == 1
        await pilot.press("x")
        assert any("rejected already" in toast for toast in app.toasts)
        await pilot.press("a")
        await until(pilot, lambda: "accepted it" in app.rows()[2])
        await pilot.press("z")
        await until(pilot, lambda: "rejected it" in app.rows()[2])
        await pilot.press("delete")
        await until(pilot, lambda: "✎" not in app.rows()[2])
        await pilot.press("delete")
        assert any("nothing to clear" in toast for toast in app.toasts)
        await pilot.press("z")
        await until(pilot, lambda: "rejected it" in app.rows()[2])
        assert {m.ruling.sample_id for m in app.said if isinstance(m, Ruled)} == {sample}


async def test_a_note_is_asked_for(study: Study) -> None:
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        await pilot.press("n", *"odd", "enter")
        await until(pilot, lambda: app.said)
        (said,) = app.said
        assert isinstance(said, Ruled)
        assert (said.ruling.action, said.ruling.reason) == (Action.NOTE, "odd")
        first = app.ids()[0]
        await until(pilot, lambda: study.sample(first).decisions)
        assert study.sample(first).decisions[0].reason == "odd"


async def test_a_ruling_of_another_front_end_shows(study: Study) -> None:
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        await ask(pilot, app, "overridden")
        assert app.ids() == []
        sample = next(iter(study.round(2).samples()))
        study.reject(sample.id, "elsewhere")
        await until(pilot, lambda: app.ids() == [sample.id])
        assert "elsewhere" in app.rows()[1]


async def test_new_samples_appear_and_then_their_scores(study: Study) -> None:
    app = OnePanel(study.folder, shown=3)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.last)
        study.step(to="sample")
        await until(pilot, lambda: "of 96" in app.title_text)
        assert app.rows()[1][2] == "·"
        assert app.table.row == 0
        study.step(to="verify")
        await until(pilot, lambda: app.rows()[1][2] in "✓✗?")


async def test_the_end_of_a_running_round_is_followed_until_one_moves_away(study: Study) -> None:
    study.step(to="draw")
    app = OnePanel(study.folder, shown=3)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.last)
        app.on_looked = lambda message: None  # type: ignore[method-assign]
        look = replace(app.last, working=True)  # type: ignore[type-var]
        app.panel.look(look, 2)
        app.panel.look(look, 3)
        study.step(to="sample")
        app.panel.look(replace(look, version=-2), 3)
        await until(pilot, lambda: app.table.row == 95)
        await pilot.press("up")
        await pilot.press("down")
        await pilot.press("home")
        app.panel.look(replace(look, version=-3), 3)
        await listed(pilot, app)
        assert app.table.row == 0


async def test_the_cursor_stays_on_its_sample_when_the_list_is_made_again(study: Study) -> None:
    app = OnePanel(study.folder)
    ids = [s.id for s in study.round(2).samples()]
    study.reject(ids[5])
    study.reject(ids[9])
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        await ask(pilot, app, "overridden")
        await pilot.press("down")
        assert app.panel.current is not None
        assert app.panel.current.id == ids[9]
        study.reject(ids[2])
        await until(pilot, lambda: len(app.ids()) == 3)
        assert app.table.row == 2
        assert app.panel.current.id == ids[9]


async def test_k_goes_through_the_samples_of_a_problem(two_rounds: Path) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        problem = app.panel.current.problem_id  # type: ignore[union-attr]
        await pilot.press("b", "b")
        await listed(pilot, app)
        while app.panel.current.problem_id != problem:  # type: ignore[union-attr]
            await pilot.press("down")
        seen = set()
        for _ in range(8):
            seen.add(app.panel.current.id)  # type: ignore[union-attr]
            await pilot.press("k")
        assert any("No further sample of this problem" in toast for toast in app.toasts)
        await pilot.press("K")
        assert app.panel.current.problem_id == problem  # type: ignore[union-attr]


async def test_v_shows_all_samples_of_a_problem(two_rounds: Path) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        await pilot.press("v")
        await pilot.pause()
        assert isinstance(app.screen, SiblingsScreen)


@pytest.mark.parametrize("size", [(80, 24), (48, 14), (40, 12), (12, 4), (200, 60)])
async def test_no_row_is_wider_than_the_panel(two_rounds: Path, size: tuple[int, int]) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=size) as pilot:
        await listed(pilot, app)
        await pilot.press("end", "home")
        assert {app.table.render_line(y).cell_length for y in range(3)} == {app.table.size.width}
        await pilot.resize_terminal(40, 12)
        await pilot.resize_terminal(*size)
        await pilot.press("pagedown")


@pytest.mark.parametrize("told", [True, False])
async def test_rows_look_the_same_however_the_terminal_came_to_its_size(
    two_rounds: Path, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    fresh, resized = OnePanel(two_rounds), OnePanel(two_rounds)
    async with fresh.run_test(size=(80, 24)) as pilot:
        await listed(pilot, fresh)
        expected = text_of(pilot).splitlines()
    if not told:  # Rows are drawn in a new size before the table hears of it.
        monkeypatch.setattr(SampleTable, "_fit", lambda self: None)
    async with resized.run_test(size=(118, 20)) as pilot:
        await listed(pilot, resized)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: resized.table.size.width == 78)
        await pilot.pause()
        assert text_of(pilot).splitlines()[1:] == expected[1:]


def never(*_: object) -> None:
    """Stand for what a test is to show that it does not happen."""
    raise AssertionError("this was not to be called")


async def test_a_size_is_heard_of_though_the_toolkit_sends_no_event_of_it(
    two_rounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = OnePanel(two_rounds)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        await pilot.press("end")
        monkeypatch.setattr(SampleTable, "on_resize", never, raising=False)
        with app.batch_update():
            app.panel.styles.height = 10
            await settled()
            # As it is when a widget out of sight was drawn: whoever asks for a place makes the
            # map of them anew, from which the layout would see what it changes.
            app.screen._compositor._full_map_invalidated = True
            assert app.panel.region.height == 10
        await pilot.pause()
        assert app.table.rows_in_sight == 7
        count = len(app.ids())
        assert f" · {count - 6}-{count} of {count}" in text_of(pilot)


def test_columns_fit_the_width() -> None:
    least = 2 + 1 + 3 + 1 + 12
    for width in range(1, 300):
        places = lay_out(width)
        used = sum(place.width + 1 for place in places) - 1
        assert used <= max(width, least)
        assert [place.column.name for place in places][:2] == ["", "lvl"]


@pytest.mark.slow
async def test_texts_from_a_model_cannot_reach_the_terminal(study: Study) -> None:
    wild = "\x1b[31mred\x07\n\u202e🙂漢字[bold]" + "x" * 100_000
    with sqlite3.connect(study.folder / "study.db") as connection:
        connection.execute("UPDATE samples SET text = ?", (wild,))
        connection.execute("UPDATE problems SET prompt = ? || id", (wild,))
        connection.execute("UPDATE scores SET answer = ?, explanation = ?", (wild, wild))
    connection.close()
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        for row in app.rows():
            assert not any(ord(c) < 32 or c == "\u202e" for c in row)
        assert "[bold]" in app.rows()[1]
        await pilot.press("enter")
        await pilot.pause()
        svg = app.export_screenshot()
        assert "\x1b" not in svg
        assert "\u202e" not in svg


async def test_a_study_that_cannot_be_read_says_so(study: Study) -> None:
    app = OnePanel(study.folder)
    async with app.run_test(size=SIZE) as pilot:
        await listed(pilot, app)
        with sqlite3.connect(study.folder / "study.db") as connection:
            connection.execute("ALTER TABLE problems RENAME TO gone")
        connection.close()
        app.table.forget_lines()
        await pilot.press("down")
        assert "no such table" in "".join(app.rows())
