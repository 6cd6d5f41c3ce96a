"""The chart: its dots, its axes, its words, and what its keys do."""

import re
import time
from itertools import pairwise

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.strip import Strip
from waiting import until

from sitool.plots import Line, Plot
from sitool.tui.axes import View, tick_texts, ticks, whole
from sitool.tui.chart import REDRAW_SECONDS, Chart
from sitool.tui.drawing import SHAPES, draw, spread, trace
from sitool.tui.raster import Raster

Numbers = list[float]


def line(label: str, y: Numbers, half: float = 0.0, end: str = "") -> Line:
    values = np.array(y, float)
    low, high = (values - half, values + half) if half else (None, None)
    return Line(label, np.arange(len(y), dtype=float), values, low, high, end=end)


def plot(*lines: Line, **rest: object) -> Plot:
    ticks = {float(x): f"r{x}" for x in range(max(len(line.x) for line in lines))}
    defaults = {"title": "Accuracy", "ticks": ticks, "limits": (0.0, 1.0)}
    return Plot("accuracy", lines=lines, **{**defaults, **rest})  # type: ignore[arg-type]


def drawn(what: Plot, width: int = 46, height: int = 12) -> list[str]:
    return draw(what, width, height, whole(what)).lines()


class OneChart(App[None]):
    def __init__(self, what: Plot) -> None:
        super().__init__()
        self.what = what

    def compose(self) -> ComposeResult:
        yield Chart()

    def on_mount(self) -> None:
        self.query_one(Chart).show(self.what)
        self.query_one(Chart).focus()


def text_of(app: App[None]) -> str:
    chart = app.query_one(Chart)
    return "\n".join(chart.render_line(y).text for y in range(chart.size.height))


def test_a_dot_becomes_the_braille_sign_that_has_it() -> None:
    raster = Raster(1, 1)
    dots = np.zeros((4, 2), np.bool_)
    dots[0, 0] = dots[3, 1] = True
    raster.put(dots, 1)
    assert raster.lines() == [chr(0x2800 + 0x01 + 0x80)]


def test_words_stand_over_dots_and_dots_over_what_is_under_them() -> None:
    raster = Raster(3, 1)
    raster.put(np.ones((4, 6), np.bool_)[:, :] & (np.arange(6) < 4), 1)
    raster.write_under(0, 0, "...", 0)
    raster.write(0, 0, "a", 0)
    assert raster.lines() == ["a⣿."]


def test_text_that_does_not_fit_is_cut_on_both_sides() -> None:
    raster = Raster(4, 1)
    raster.write(0, -2, "abcdefgh", 0)
    raster.write(7, 0, "below", 0)
    assert raster.lines() == ["cdef"]


def test_a_line_has_no_gap_however_steep() -> None:
    dots = trace(np.array([0.0, 5.0, 10.0]), np.array([0.0, 39.0, 3.0]), 11, 40)
    columns = [np.flatnonzero(dots[:, c]) for c in range(11)]
    for here, there in pairwise(columns):
        assert here.min() <= there.max() + 1
        assert there.min() <= here.max() + 1


def test_a_flat_line_is_one_dot_thick() -> None:
    dots = trace(np.array([0.0, 9.0]), np.array([4.0, 4.4]), 10, 8)
    assert dots.sum(axis=0).tolist() == [1] * 10


def test_ten_thousand_points_keep_the_least_and_greatest_of_each_column() -> None:
    y = np.full(10_000, 20.0)
    y[4_321], y[7_777] = 2.0, 38.0
    dots = trace(np.linspace(0, 99, 10_000), y, 100, 40)
    rows = np.flatnonzero(dots.any(axis=1))
    assert (rows.min(), rows.max()) == (2, 38)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0.123, 0.131), (0, 512), (-3, 3), (1, 10_000), (2.0, 2.0)]
)
def test_ticks_are_few_and_inside(low: float, high: float) -> None:
    for most in range(1, 9):
        found = ticks(low, high, most)
        assert 1 <= len(found) <= max(most, 1)
        assert len(set(tick_texts(found))) == len(found)
        if most >= 3:
            assert all(low - 1e-9 <= value <= high + 1e-9 for value in found)


def test_every_line_has_its_shape_and_its_name_at_its_end() -> None:
    text = "\n".join(drawn(plot(line("level 1", [1, 1, 1]), line("level 8", [0, 0.2, 0.5]))))
    for shape, name in zip(SHAPES, ("level 1", "level 8"), strict=False):
        assert f"{shape} {name}" in text


def test_names_that_take_too_much_room_stand_in_a_legend() -> None:
    names = ("the accuracy of the base", "the accuracy now")
    rows = drawn(plot(*(line(name, [0.1, 0.5]) for name in names)), width=60)
    assert all(name in rows[1] for name in names)


def test_labels_never_share_a_row() -> None:
    for wanted in ([0.0] * 5, [4.0, 4.1, 4.2], [9.0, 0.0, 9.0, 8.9]):
        rows = spread(wanted, 10)
        assert len(set(rows)) == len(wanted)
        assert all(0 <= row < 10 for row in rows)


def test_where_there_is_no_room_for_all_lines_it_says_how_many_are_drawn() -> None:
    levels = [line(f"level {i}", [0.1 * i, 0.1 * i]) for i in range(1, 11)]
    text = "\n".join(drawn(plot(*levels)))
    assert "6 of 10 lines" in text
    assert "level 1 " in text
    assert "level 10" in text
    assert "level 5" in "\n".join(drawn(plot(*levels), 120, 30))


def test_intervals_are_drawn_and_named() -> None:
    without = drawn(plot(line("a", [0.5, 0.5])))
    with_ = drawn(plot(line("a", [0.5, 0.5], half=0.3)))
    assert "95 % intervals" in with_[-1]
    assert without != with_
    several = drawn(plot(*(line(f"level {i}", [0.1 * i] * 9, half=0.1) for i in range(1, 6))))
    assert "shaded: 95 % of level 5" in several[-1]


def test_the_shown_round_is_pointed_out_by_a_line() -> None:
    assert "┊" in "".join(drawn(plot(line("a", [0.1, 0.1, 0.1]), shown=1.0)))


def test_bars_say_their_number_and_their_total() -> None:
    bars = Line("accepted", np.arange(2.0), np.array([30.0, 62.0]), total=np.array([512.0, 512.0]))
    text = "\n".join(drawn(plot(bars, bars=True, limits=None), 60, 14))
    assert "30 of 512" in text
    assert "62 of 512" in text
    assert "█" in text


@pytest.mark.parametrize("size", [(24, 6), (30, 8), (46, 12), (80, 20), (200, 56)])
@pytest.mark.parametrize("rounds", [1, 2, 40])
def test_every_row_fills_the_width_and_nothing_fails(size: tuple[int, int], rounds: int) -> None:
    width, height = size
    levels = [line(f"level {i}", [0.1 * i] * rounds, 0.05, ".10") for i in range(1, 9)]
    rows = drawn(plot(*levels, note="n " * 90, title="t " * 120), width, height)
    assert [len(row) for row in rows] == [width] * height


@pytest.mark.parametrize("y", [[np.nan, np.nan], [0.5, np.nan], [np.inf, 1.0], [3.0, 3.0]])
def test_numbers_that_are_missing_or_endless_do_no_harm(y: Numbers) -> None:
    drawn(plot(line("loss", y), limits=None, ticks={}))


def test_more_bars_than_columns_do_not_write_over_one_another() -> None:
    x = np.arange(150.0)
    bars = Line("accepted", x, 200 + 50 * np.sin(x), total=np.full(150, 512.0))
    rows = drawn(Plot("accepted", "Accepted", [bars], bars=True))
    assert not any(sign.isdigit() for row in rows[1:-1] for sign in row[5:])


async def test_keys_zoom_move_and_bring_the_whole_back() -> None:
    app = OneChart(plot(line("a", [0.1, 0.2, 0.9, 0.3, 0.4])))
    async with app.run_test(size=(60, 16)) as pilot:
        chart = app.query_one(Chart)
        await pilot.press("right")
        assert chart.view is None  # There is nothing to move to before one zooms in.
        await pilot.press("plus", "plus")
        zoomed = chart.view
        assert zoomed is not None
        assert zoomed.right - zoomed.left < 3
        await pilot.press("left")
        assert chart.view is not None
        assert chart.view.left < zoomed.left
        await pilot.press("0")
        assert chart.view is None


async def test_the_wheel_zooms_too() -> None:
    app = OneChart(plot(line("a", [0.1, 0.2, 0.9])))
    async with app.run_test(size=(60, 16)) as pilot:
        await pilot._post_mouse_events([_scroll()], Chart, offset=(30, 8))
        assert app.query_one(Chart).view is not None


def _scroll() -> type:
    from textual.events import MouseScrollUp

    return MouseScrollUp


async def test_new_points_come_into_view_unless_one_zoomed_in() -> None:
    app = OneChart(plot(line("loss", [3.0, 2.0, 1.5]), limits=None, ticks={}))
    async with app.run_test(size=(60, 16)) as pilot:
        chart = app.query_one(Chart)
        chart.show(plot(line("loss", list(np.linspace(3, 1, 500))), limits=None, ticks={}))
        await until(pilot, lambda: "400" in text_of(app))
        await pilot.press("plus")
        still = chart.view
        chart.show(plot(line("loss", list(np.linspace(3, 1, 900))), limits=None, ticks={}))
        assert chart.view == still
        assert isinstance(still, View)


async def test_many_changes_are_drawn_at_most_a_few_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = OneChart(plot(line("a", [0.1, 0.2])))
    async with app.run_test(size=(60, 16)) as pilot:
        drawings: list[float] = []
        chart = app.query_one(Chart)
        real = chart._draw

        def drawn(width: int, height: int) -> list[Strip]:
            drawings.append(time.monotonic())
            return real(width, height)

        monkeypatch.setattr(chart, "_draw", drawn)
        for i in range(50):
            chart.show(plot(line("a", [0.1, 0.2, i / 50])))
            await pilot.pause(0.01)
        chart.show(plot(line("a", [0.1, 0.2, 0.3, 0.4])))
        await until(pilot, lambda: "r3" in text_of(app))  # The last one is drawn in the end.
        assert all(later - one >= REDRAW_SECONDS for one, later in pairwise(drawings))


async def test_an_empty_chart_says_why_in_words() -> None:
    app = OneChart(Plot("loss", "Training loss", empty="r0 is the base: nothing was trained."))
    async with app.run_test(size=(40, 10)) as pilot:
        assert "nothing was trained" in text_of(app)
        await pilot.press("plus", "left", "l", "0")


async def test_one_key_shades_the_interval_of_one_line_after_the_other() -> None:
    app = OneChart(plot(*(line(f"level {i}", [0.1 * i] * 9, half=0.1) for i in range(1, 5))))
    async with app.run_test(size=(60, 16)) as pilot:
        seen = set()
        for _ in range(4):
            await pilot.press("l")
            await pilot.pause()
            seen.add(re.search(r"shaded: 95 % of (level \d)", text_of(app))[1])  # type: ignore[index]
        assert len(seen) == 4


async def test_a_window_too_small_for_a_chart_says_so() -> None:
    app = OneChart(plot(line("a", [0.1, 0.2])))
    async with app.run_test(size=(20, 5)) as pilot:
        await pilot.pause()
        assert "Too small" in text_of(app)
