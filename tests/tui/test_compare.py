"""The compare screen, on real studies."""

from pathlib import Path
from typing import Any

import pytest
from own_desk import OwnDesk
from textual.app import App
from textual.widgets import DataTable, Select, Static
from waiting import until

from sitool.client import Study
from sitool.metrics import Accuracy
from sitool.summary import Comparison
from sitool.tui.chart import Chart
from sitool.tui.charts import TabLine
from sitool.tui.compare import CompareScreen, OverlayPanel
from sitool.tui.desk import Desk, Done
from sitool.tui.differences import Differences, picture, verdict
from sitool.tui.help import HelpScreen
from sitool.tui.pairs import Change, PairScreen, PairTable, count_changes, in_full, read_pairs


class Compares(App[None]):
    def __init__(self, study: Study, first: int = 0, second: int = 2) -> None:
        super().__init__()
        self.asked = (study, first, second)

    def on_mount(self) -> None:
        study, first, second = self.asked
        self.push_screen(CompareScreen(first, second, OwnDesk(study)))

    @property
    def pairs(self) -> PairTable:
        return self.screen.query_one(PairTable)

    def said(self) -> str:
        return str(self.screen.query_one("#verdict", Static).render())

    def table_text(self) -> str:
        return "\n".join(self.pairs.render_line(y).text for y in range(self.pairs.size.height))


@pytest.fixture
def forked(study: Study) -> Study:
    study.fork(1)
    study.step()
    return study


def test_pairs_agree_with_the_comparison_and_what_changed_comes_first(study: Study) -> None:
    comparison, pairs = study.compare(0, 2), read_pairs(study, 0, 2)
    counts = count_changes(pairs)
    assert counts[Change.GAINED] == len(comparison.gained) > 0
    assert counts[Change.LOST] == len(comparison.lost)
    assert counts.total() == comparison.difference[0].n
    order = [list(Change).index(pair.change) for pair in pairs]
    assert order == sorted(order)


async def test_differences_by_level_stand_beside_both_accuracies(forked: Study) -> None:
    app = Compares(forked, 2, 3)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        table = app.screen.query_one(DataTable)
        rows = [[str(cell) for cell in table.get_row_at(i)] for i in range(table.row_count)]
        comparison: Comparison = forked.compare(2, 3)
        assert [row[0] for row in rows] == ["all", *(str(k) for k in comparison.difference if k)]
        overall = comparison.difference[0]
        assert f"{overall.value:+.2f}".replace("0.", ".") in rows[0][4]
        assert "r0003 against r0002" in app.said()


async def test_a_level_under_the_cursor_is_what_the_rest_shows(study: Study) -> None:
    app = Compares(study)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("down", "down")
        await pilot.pause()
        assert {pair.level for pair in app.pairs.pairs} == {2}
        assert "level 2" in app.screen.query_one(OverlayPanel).plot.title
        assert len(app.pairs.pairs) == 6


async def test_filters_leave_only_what_they_name(study: Study) -> None:
    app = Compares(study)
    counts = count_changes(read_pairs(study, 0, 2))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for change in Change:
            await pilot.press("f")
            await pilot.pause()
            assert len(app.pairs.pairs) == counts[change]
            assert {pair.change for pair in app.pairs.pairs} <= {change}
            if not counts[change]:
                assert f"is {change}" in app.table_text()
        await pilot.press("f")
        assert len(app.pairs.pairs) == counts.total()


async def test_a_click_on_a_filter_takes_it(study: Study) -> None:
    app = Compares(study)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        line = app.screen.query_one("#problems").query_one(TabLine)
        at = str(line.render()).index("both right")
        await pilot.click(line, offset=(at, 0))
        await pilot.pause()
        assert {pair.change for pair in app.pairs.pairs} == {Change.RIGHT}


async def test_enter_opens_a_pair_in_full_and_keys_go_on(study: Study) -> None:
    app = Compares(study)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("p", "down", "enter")
        await pilot.pause()
        assert isinstance(app.screen, PairScreen)
        await pilot.press("right", "right", "left", "escape")
        await pilot.pause()
        assert isinstance(app.screen, CompareScreen)
        assert app.pairs.cursor == 2


async def test_the_list_keeps_its_cursor_in_view(study: Study) -> None:
    app = Compares(study)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("p", "end")
        await pilot.pause()
        last = app.pairs.pairs[-1]
        assert app.pairs.cursor == len(app.pairs.pairs) - 1
        assert last.after.completion.text[:8] in app.table_text().splitlines()[-1]
        await pilot.press("home")
        await pilot.pause()
        assert app.pairs.scroll_offset.y == 0


async def test_other_rounds_are_chosen_on_the_screen_itself(forked: Study) -> None:
    app = Compares(forked, 0, 2)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        app.screen.query_one("#second", Select).value = 3
        await pilot.pause()
        assert "r0003 against r0000" in app.said()
        await pilot.press("w")
        await pilot.pause()
        assert "r0000 against r0003" in app.said()
        assert app.screen.query_one("#first", Select).value == 3


async def test_number_keys_choose_the_chart(forked: Study) -> None:
    app = Compares(forked, 2, 3)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for key, kind in zip("12345", ("accuracy", "accepted", "pass_at_k", "entropy", "loss"),
                             strict=True):  # fmt: skip
            await pilot.press(key)
            await pilot.pause()
            panel = app.screen.query_one(OverlayPanel)
            assert panel.plot.kind == kind
            assert len(panel.plot.lines) >= 2


async def test_on_a_narrow_terminal_one_part_is_shown_at_a_time(study: Study) -> None:
    app = Compares(study)
    async with app.run_test(size=(80, 24)) as pilot:
        for key, kind in (("d", Differences), ("c", Chart), ("p", PairTable)):
            await pilot.press(key)
            await pilot.pause()
            seen = [k for k in (Differences, Chart, PairTable) if _seen(app, k)]
            assert seen == [kind]
            region = app.screen.query_one(kind).region
            assert region.right <= 80
            assert region.bottom <= 24


async def test_on_a_wide_terminal_all_parts_are_in_view(study: Study) -> None:
    app = Compares(study)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for kind in (Differences, Chart, PairTable):
            region = app.screen.query_one(kind).region
            assert region.area > 200
            assert (region.right <= 120, region.bottom <= 40) == (True, True)


def _seen(app: Compares, kind: type[Any]) -> bool:
    return bool(app.screen.query_one(kind).region.area)


async def test_a_round_that_is_not_evaluated_is_one_sentence(study: Study) -> None:
    study.step("select")
    app = Compares(study, 2, 3)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        assert "r0003 is not evaluated yet" in app.said()
        app.screen.query_one("#second", Select).value = 1
        await pilot.pause()
        assert "r0001 against r0002" in app.said()


async def test_the_same_round_twice_asks_for_another(study: Study) -> None:
    app = Compares(study, 1, 1)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "The same round twice" in app.said()


async def test_the_screen_explains_itself(study: Study) -> None:
    app = Compares(study)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, CompareScreen)


async def test_the_shown_chart_is_written_as_svg(study: Study) -> None:
    pytest.importorskip("vl_convert")
    app = Compares(study)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("3", "e")
        await pilot.pause()
        assert (study.folder / "charts" / "pass_at_k-r0000-r0002.svg").read_text()[:4] == "<svg"


async def test_through_a_real_desk(two_rounds: Path) -> None:
    class Desked(App[None]):
        def on_mount(self) -> None:
            self.desk = Desk(two_rounds, self.post_message)
            self.desk.start()
            self.push_screen(CompareScreen(0, 2, self.desk))

        def on_done(self, message: Done) -> None:
            message.then(message.result)

    app = Desked()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.screen.query_one(PairTable).pairs)
        await pilot.press("escape")
        app.desk.close()


def test_a_completion_cannot_send_escapes_or_flood_the_screen(study: Study) -> None:
    from dataclasses import replace

    from rich.console import Console

    pair = read_pairs(study, 0, 2)[0]
    wild = replace(pair.after.completion, text="\x1b[31m[bold]" + "x" * 100_000)
    changed = replace(pair, after=replace(pair.after, completion=wild))
    console = Console(width=100, record=True, color_system=None)
    with console.capture() as shown:
        console.print(in_full(changed))
    assert "\x1b" not in shown.get()
    assert "characters more" in shown.get()
    assert "[bold]" in shown.get()


def test_the_interval_decides_what_a_difference_is_called() -> None:
    assert verdict(Accuracy(0.2, 0.1, 0.3, 64)) == "▲ better"
    assert verdict(Accuracy(-0.2, -0.3, -0.1, 64)) == "▼ worse"
    assert verdict(Accuracy(0.2, -0.1, 0.5, 64)) == "± noise"
    assert picture(Accuracy(-0.5, -1, 0, 64), 1.0) == "├───●───┤        "
