"""The sharpening screen, on real studies with and without log-probabilities under the base."""

from pathlib import Path
from typing import Any

import pytest
from report_screens import help_said, parts_by_tab, report_opened, words
from rich.console import Console
from studies import create
from textual.pilot import Pilot
from waiting import text_of, until, until_seen

from sitool.client import Study
from sitool.front.findings.sharpening import LACKING
from sitool.sharpening import sentences
from sitool.tui.app import SitoolApp
from sitool.tui.sharpening_screen import (
    SharpeningCharts,
    SharpeningScreen,
    figures_of,
    lift_table,
)

WIDE, SMALL = (120, 40), (80, 24)


async def opened(pilot: Pilot[Any]) -> SharpeningScreen:
    """Open the sharpening screen of the shown round."""
    return await report_opened(pilot, "h", SharpeningScreen)


def written(*parts: Any) -> str:
    """Write parts as they stand on the screen, in lines without spaces at their ends."""
    console = Console(width=58, color_system=None)
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return capture.get()


async def test_the_curves_are_those_of_the_report_on_an_axis_of_doublings(judged: Study) -> None:
    report = judged.sharpening(2)
    app = SitoolApp(judged.folder, warm=False)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        plot = screen.query_one(SharpeningCharts).plot
        assert [line.label for line in plot.lines] == [
            "likelihood", "a token's", "majority", "pass@N"
        ]  # fmt: skip
        assert plot.ticks == {0.0: "N=1", 1.0: "N=2", 2.0: "N=4", 3.0: "N=8"}
        for line, points in zip(plot.lines, report.best_of_n.values(), strict=False):
            assert line.y.tolist() == [point.accuracy.value for point in points]
            assert line.low is not None
            assert line.low.tolist() == [point.accuracy.low for point in points]
        assert plot.lines[-1].y.tolist() == [a.value for a in report.pass_at_k.values()]
        assert words(screen, "#sentence") == sentences.on_curves(report)
        await pilot.press("4")
        assert report.histogram is not None
        right, wrong = screen.query_one(SharpeningCharts).plot.lines
        assert right.y.tolist() == [n / sum(report.histogram.right) for n in report.histogram.right]
        assert wrong.y.sum() == pytest.approx(1)
        for key, said in (("2", "Lift of the accuracy"), ("3", "log p of the chosen sample")):
            await pilot.press(key)
            assert said in screen.query_one(SharpeningCharts).plot.title
        await pilot.press("5")
        assert screen.query_one(SharpeningCharts).kind == "logprob"


def test_the_table_of_lifts_fits_its_place_whole(judged: Study) -> None:
    report = judged.sharpening(2)
    said = written(lift_table(report))
    lines = [line.split() for line in said.splitlines()]
    assert "…" not in said
    assert [line[0] for line in lines] == ["N", "1", "2", "4", "8"]
    for row, line in enumerate(said.splitlines()[1:]):
        for points in report.best_of_n.values():
            assert sentences.lift_words(points[row].lift).replace(" %", "") in line


def test_proxies_are_called_proxies_and_adaptive_n_says_what_it_saves(judged: Study) -> None:
    report = judged.sharpening(2)
    said = " ".join(written(*figures_of(report)).split())
    assert report.adaptive is not None
    assert sentences.on_adaptive(report.adaptive) in said
    assert sentences.on_sharpness(report) in said
    assert "proxies" in said
    assert "up to a constant" in said


async def test_brackets_choose_a_level_and_all_again(judged: Study) -> None:
    app = SitoolApp(judged.folder, warm=False)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await pilot.press("right_square_bracket")
        await until_seen(pilot, "Sharpening of r0002   level 1   6 held-out problems")
        assert words(screen, "#sentence") == sentences.on_curves(judged.sharpening(2, level=1))
        await pilot.press("e")
        file = judged.folder / "charts" / "best_of_n-r0002-level1.svg"
        await until(pilot, file.exists)
        await pilot.press("left_square_bracket")
        await until_seen(pilot, "all levels   48 held-out problems, 8 samples each")
        await pilot.press("m")
        assert "is known already" in list(app._notifications)[-1].message


async def test_what_the_base_thinks_of_a_later_round_is_asked_for_by_a_key(study: Study) -> None:
    app = SitoolApp(study.folder, warm=False)
    async with app.run_test(size=SMALL) as pilot:
        screen = await opened(pilot)
        assert words(screen, "#sentence") == f"{LACKING}: m asks the base."
        await pilot.press("3")
        await until_seen(pilot, "are not known")
        await pilot.press("m")
        await until(pilot, lambda: LACKING not in words(screen, "#sentence"), seconds=30)
        await until(
            pilot, lambda: words(screen, "#sentence").startswith("Of 2 samples"), seconds=30
        )
        assert "likelihood" in study.sharpening(2).best_of_n
        assert not screen.query_one(SharpeningCharts).plot.empty


async def test_on_a_small_terminal_tab_goes_through_the_parts(judged: Study) -> None:
    app = SitoolApp(judged.folder, warm=False)
    async with app.run_test(size=SMALL) as pilot:
        seen = await parts_by_tab(pilot, await opened(pilot))
        assert seen == [["charts"], ["lifts"], ["sharpness"]]


async def test_help_explains_with_formula_and_source(judged: Study) -> None:
    app = SitoolApp(judged.folder, warm=False)
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        said = await help_said(pilot)
        for needed in ("2412.01951", "log pi_base(y|x)", "1 / pi_base(y*|x)", "proxies", "ln(2 /"):
            assert needed in said


async def test_a_round_without_held_out_samples_says_so(tmp_path: Path) -> None:
    study = create(tmp_path / "study", "evaluation.samples=0")
    study.run(0)
    study.close()
    app = SitoolApp(study.folder, warm=False)
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert "no problem with held-out samples" in words(screen, "#sentence")
        assert text_of(pilot).count("no problem with held-out samples") >= 2
