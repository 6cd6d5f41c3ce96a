"""The chart panel of the study screen, on real studies."""

from pathlib import Path
from typing import Any

import pytest
from studies import create
from textual.app import App, ComposeResult
from waiting import until

from sitool.client import Study
from sitool.front.desk import Look
from sitool.plots import KINDS
from sitool.tui.chart import Chart
from sitool.tui.charts import ChartPanel, TabLine


class OnePanel(App[None]):
    def compose(self) -> ComposeResult:
        yield ChartPanel()

    @property
    def panel(self) -> ChartPanel:
        return self.query_one(ChartPanel)

    def text(self) -> str:
        chart = self.query_one(Chart)
        return "\n".join(chart.render_line(y).text for y in range(chart.size.height))


def look_of(study: Study, **changes: Any) -> Look:
    rest = {"plan": None, "engine": None, "working": False, "died": False, "version": 1}
    fields = {"summary": study.summary(), "review": None, **rest, **changes}
    return Look(**fields)


async def test_number_keys_show_the_five_charts(study: Study) -> None:
    app = OnePanel()
    async with app.run_test(size=(48, 14)) as pilot:
        app.panel.look(look_of(study), 2)
        app.query_one(Chart).focus()
        for key, words in zip(
            "12345",
            ("Accuracy by level", "Accepted samples", "pass@k", "Entropy", "Training loss of r2"),
            strict=True,
        ):
            await pilot.press(key)
            await pilot.pause()
            assert words in app.text()


async def test_a_click_on_a_name_shows_its_chart(study: Study) -> None:
    app = OnePanel()
    async with app.run_test(size=(80, 20)) as pilot:
        app.panel.look(look_of(study), 2)
        await pilot.pause()
        await pilot.click(TabLine, offset=(16, 0))
        assert app.panel.kind == "accepted"
        assert app.focused is app.query_one(Chart)


@pytest.mark.parametrize("width", [30, 48, 80, 200])
async def test_the_tab_line_always_fits_and_names_the_chosen_chart(width: int) -> None:
    app = OnePanel()
    async with app.run_test(size=(width, 14)) as pilot:
        await pilot.pause()
        line = app.query_one(TabLine)
        text = line.render().plain
        assert len(text.rstrip()) <= line.size.width
        assert "1 Accuracy" in text
        assert all(str(i) in text for i in range(1, 6))


async def test_the_branch_of_the_shown_round_is_drawn_and_no_other(study: Study) -> None:
    study.fork(1)
    study.step()
    app = OnePanel()
    async with app.run_test(size=(80, 20)) as pilot:
        app.panel.look(look_of(study), 3)
        await pilot.pause()
        axis = app.text().splitlines()[-2]
        assert [word for word in axis.split() if word.startswith("r")] == ["r0", "r1", "r3"]


async def test_before_any_round_it_says_what_to_do(tmp_path: Path) -> None:
    study = create(tmp_path / "new")
    app = OnePanel()
    async with app.run_test(size=(48, 14)) as pilot:
        app.panel.look(look_of(study), None)
        await pilot.pause()
        assert "step to measure the base" in " ".join(app.text().split())
    study.close()


@pytest.mark.parametrize("kind", ["accepted", "entropy", "loss"])
async def test_the_base_has_no_training_to_draw_and_says_so(study: Study, kind: str) -> None:
    app = OnePanel()
    async with app.run_test(size=(48, 14)) as pilot:
        app.panel.kind = kind
        app.panel.look(look_of(study), 0)
        await pilot.pause()
        assert "tep once" in " ".join(app.text().split())


async def test_the_base_alone_is_drawn_by_level(study: Study) -> None:
    app = OnePanel()
    async with app.run_test(size=(48, 14)) as pilot:
        app.panel.look(look_of(study), 0)
        await pilot.pause()
        assert "Accuracy of r0 by level" in app.text()


async def test_losses_come_live_over_those_of_the_shown_round(study: Study) -> None:
    study.step("select")
    app = OnePanel()
    async with app.run_test(size=(80, 20)) as pilot:
        app.panel.kind = "loss"
        app.panel.look(look_of(study, working=True), 2)
        app.panel.losses([1, 2, 3], [3.0, 2.5, 2.25])
        await until(pilot, lambda: "Training loss of r2 and r3" in app.text())
        await until(pilot, lambda: "2.250" in app.text())


async def test_every_chart_can_be_drawn_without_colour(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = OnePanel()
    async with app.run_test(size=(80, 20)) as pilot:
        app.panel.look(look_of(study), 2)
        for kind in KINDS:
            app.panel.kind = kind
            await pilot.pause()
            assert app.text().strip()


async def test_a_theme_changes_the_colours(study: Study) -> None:
    app = OnePanel()
    async with app.run_test(size=(80, 20)) as pilot:
        app.panel.look(look_of(study), 2)
        await pilot.pause()
        before = app.export_screenshot()
        app.theme = "textual-light"
        await pilot.pause()
        chart = app.query_one(Chart)
        colours = {s.style.color for s in chart.render_line(3) if s.style and s.style.color}
        assert app.export_screenshot() != before
        assert colours
