"""The gap screen, on a real study whose samples are judged, and on one where nobody judged yet."""

from pathlib import Path
from typing import Any

import pytest
from report_screens import help_said, parts_by_tab, report_opened, words
from studies import create, rows
from textual.pilot import Pilot
from textual.widgets import DataTable
from waiting import text_of, until, until_seen

from sitool import events
from sitool.client import Study
from sitool.front.findings.filters import Turned
from sitool.front.findings.gap import best_pair, rows_of
from sitool.metrics import Accuracy
from sitool.store import SampleFilter
from sitool.tui.app import SitoolApp
from sitool.tui.chart import Chart
from sitool.tui.desk import Happened
from sitool.tui.dialogs import Choose
from sitool.tui.differences import with_interval
from sitool.tui.gap_parts import GapCharts
from sitool.tui.gap_screen import GapScreen
from sitool.tui.inspector import InspectorScreen
from sitool.visible import both_ends

WIDE, SMALL = (120, 40), (80, 24)


async def opened(pilot: Pilot[Any]) -> GapScreen:
    """Open the gap screen of the shown round."""
    return await report_opened(pilot, "g", GapScreen)


def app_of(study: Study) -> SitoolApp:
    return SitoolApp(study.folder, warm=False)


def cells(screen: GapScreen, selector: str) -> list[list[str]]:
    table = screen.query_one(selector, DataTable)
    return [[str(cell) for cell in table.get_row_at(row)] for row in range(table.row_count)]


def title(screen: GapScreen) -> str:
    return screen.query_one(GapCharts).plot.title


async def test_every_judge_stands_with_the_gap_that_the_report_says(judged: Study) -> None:
    last = judged.gap().rounds[-1]
    app = app_of(judged)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        shown = cells(screen, "#judge-rows")
        names = rows_of(last)
        assert [row[0] for row in shown] == [both_ends(name, 20) for name in names]
        assert names == [*last.judges, best_pair(last)]
        for name, row in zip(last.judges, shown, strict=False):
            figures = last.gaps[name].strict
            assert row[4].endswith(with_interval(figures.gap))
            assert figures.relative_gap is not None
            assert row[5:7] == [with_interval(figures.relative_gap), str(figures.relative_gap.n)]
            assert row[7] == str(figures.all_right)
        for name in ("majority", "mc", "likelihood"):
            assert row_mark(shown, last.gaps[name].strict.gap, name)
        assert "likelihood…oken@base" in text_of(pilot)


def row_mark(shown: list[list[str]], gap: Accuracy, name: str) -> bool:
    """Whether a row's sign says of its gap what the interval says."""
    cell = next(row[4] for row in shown if row[0] == name)
    return cell[0] == ("▲" if gap.low > 0 else "▼" if gap.high < 0 else "±")


async def test_the_judge_under_the_cursor_is_what_the_rest_shows(judged: Study) -> None:
    report = judged.gap()
    sentences = {one.verifier: one.sentence for one in report.saturation}
    app = app_of(judged)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        for place, name in enumerate(rows_of(report.rounds[-1])):
            if place:
                await pilot.press("down")
                await pilot.pause()
            assert f"Gap of {name} " in title(screen)
            assert words(screen, "#reading").startswith(f"{name} keeps ")
            if "+" not in name:
                assert words(screen, "#sentence") == sentences[name]
        pair = report.rounds[-1].pairs[name]
        assert with_interval(pair.over_best) in words(screen, "#reading")
        assert words(screen, "#sentence") == sentences[pair.best]
        assert "more than one judge" in words(screen, "#example")
        assert "choose a single one" in screen.query_one(GapCharts).plot.empty


async def test_numbers_choose_the_chart_of_the_judge(judged: Study) -> None:
    app = app_of(judged)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        for key, said in (
            ("2", "by share kept"), ("3", "does it close?"), ("4", "by level"),
            ("5", "pass@k: r0 base against r2"), ("1", "by threshold"),
        ):  # fmt: skip
            await pilot.press(key)
            await pilot.pause()
            assert said in title(screen)
            assert screen.query_one(Chart).plot.title == title(screen)


async def test_keys_turn_the_filter_and_the_figures_follow(judged: Study) -> None:
    app = app_of(judged)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        row = [name for name, *_ in cells(screen, "#judge-rows")].index("majority")
        await pilot.press("right_square_bracket")
        assert "f chooses a threshold" in list(app._notifications)[-1].message
        for keys, text in (
            (["f", "right_square_bracket"], "threshold:0.55"),
            (["f"], "quantile:0.25"),
            (["left_square_bracket"], "quantile:0.125"),
            (["f"], "best_of_n"),
        ):
            await pilot.press(*keys)
            want = judged.gap([0, 1, 2], filters=[text]).rounds[-1].gaps["majority"].strict.gap
            await until(
                pilot,
                lambda want=want: cells(screen, "#judge-rows")[row][4].endswith(
                    with_interval(want)
                ),
            )
        assert "filter: the one best sample" in words(screen, "#heading")
        await pilot.press("f")
        await until_seen(pilot, "filter: each judge's own filter")


async def test_what_was_worked_out_is_not_worked_out_again(
    judged: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = Study.gap

    def counted(self: Study, *args: Any, **more: Any) -> Any:
        asked.append(more.get("filters"))
        return real(self, *args, **more)

    monkeypatch.setattr(Study, "gap", counted)
    app = app_of(judged)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("escape")
        screen = await opened(pilot)
        await pilot.press(*"ffff")
        await until_seen(pilot, "each judge's own filter")
        assert screen.query_one("#judge-rows", DataTable).row_count == 6
        await until(pilot, lambda: len(asked) == 4)  # What is known overtakes the last of them.
    assert asked.count(()) == 1


async def test_enter_opens_an_example_of_a_cell(judged: Study) -> None:
    confusion = judged.gap().rounds[-1].judges["cot_binary"].confusion
    app = app_of(judged)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        shown = cells(screen, "#truth-rows")
        assert shown[0][:2] == [
            str(confusion.cells["right", said].count) for said in ("right", "wrong")
        ]
        await pilot.press("tab", "tab", "down", "right")
        cell = confusion.cells["wrong", "wrong"]
        assert f"sample {cell.example} " in words(screen, "#example")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, InspectorScreen))
        assert cell.example is not None
        sample = judged.sample(cell.example)
        assert sample.scores["cot_binary"].value == 0
        await until_seen(pilot, "cot_binary")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


async def test_on_a_small_terminal_tab_goes_through_the_parts(judged: Study) -> None:
    app = app_of(judged)
    async with app.run_test(size=SMALL) as pilot:
        seen = await parts_by_tab(pilot, await opened(pilot))
        assert seen == [["judges"], ["charts"], ["truth"], ["agreement"]]


async def test_help_explains_every_part_with_its_formula_and_source(judged: Study) -> None:
    app = app_of(judged)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        said = await help_said(pilot)
        for needed in ("2412.02674", "J[w] - J", "(J[w] - J) / (1 - J)", "Pearson", "C(n-c, k)"):
            assert needed in said


async def test_the_shown_chart_goes_to_a_file(judged: Study) -> None:
    app = app_of(judged)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        await pilot.press("3", "e")
        file = judged.folder / "charts" / "rounds-r0002-cot_binary.svg"
        await until(pilot, file.exists)
        assert "does it close?" in file.read_text(encoding="utf-8")


async def test_without_a_judge_a_sentence_says_so_and_a_key_asks_one(study: Study) -> None:
    app = SitoolApp(study.folder, warm=False)
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        assert "No judge has scored the held-out samples of r0002" in words(screen, "#sentence")
        await pilot.press("5")
        assert "pass@k" in title(screen)
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("down", "down", "down", "enter")
        await until(pilot, lambda: app.screen is screen)
        await until(pilot, lambda: cells(screen, "#judge-rows"), seconds=30)
        assert [row[0] for row in cells(screen, "#judge-rows")] == ["majority"]
        assert words(screen, "#reading").startswith("majority keeps ")
    count = study._store.samples.count(SampleFilter(round=2, role="sampled"))
    found = rows(
        study.folder,
        "SELECT count(*) FROM scores c JOIN samples s ON s.id = c.sample"
        " WHERE s.round = 2 AND s.role = 'sampled' AND c.verifier = 'majority'",
    )
    assert found == [(count,)]


async def test_a_measurement_is_followed_and_p_stops_it(judged: Study) -> None:
    app = app_of(judged)
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        study_screen = app.screen_stack[-2]
        scored = events.SamplesScored(2, "mc", 64, 192)
        study_screen.post_message(Happened([(0.0, scored)], replayed=False))
        await until_seen(pilot, "Scoring r0002: 64 of 192 by mc; p stops")
        await pilot.press("p")
        assert "Nothing is running" in list(app._notifications)[-1].message
        done = events.RoundJudged(2, ["mc"])
        study_screen.post_message(Happened([(0.0, done)], replayed=False))
        await until(pilot, lambda: "Scoring" not in words(screen, "#sentence"))
        assert "under cot_binary" in words(screen, "#sentence")


async def test_a_round_without_held_out_samples_says_what_to_set(tmp_path: Path) -> None:
    study = create(tmp_path / "study", "evaluation.samples=0")
    study.run(0)
    study.close()
    app = SitoolApp(study.folder, warm=False)
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        assert "no sampled answers" in words(screen, "#sentence")
        assert "evaluation.samples" in words(screen, "#sentence")


def test_a_filter_turns_within_what_is_allowed() -> None:
    seen, turned = [], Turned()
    for _ in range(4):
        seen.append(turned.filters)
        turned = turned.next_rule()
    assert seen == [(), ("threshold:0.5",), ("quantile:0.25",), ("best_of_n",)]
    assert turned == Turned()
    most = Turned("threshold", 0.5)
    while (more := most.turned(1)) is not None:
        assert more.amount > most.amount
        most = more
    assert most.amount < 1
    assert "no further" not in most.words()
    assert "any further than 0.95" in most.why_not()
