"""Charts of a notebook, without a browser: what is sent, and what stays when rounds come."""

from pathlib import Path
from typing import Any

import pytest
from following import until

from sitool.report import bundle
from sitool.vega import frame_of, rows_of
from sitool.widgets.chart import LiveChart
from sitool.widgets.charts import NAMES, Charts, level_of, round_of
from sitool.widgets.view import View

FRAME = {"data": {"name": "rows"}, "mark": "point", "encoding": {}}


class Heard(LiveChart):
    """A chart that keeps what it sends."""

    def __init__(self, **rest: Any) -> None:
        self.sent: list[Any] = []
        super().__init__(**rest)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.sent.append(content)


def rows(count: int) -> list[dict[str, Any]]:
    return [{"x": x, "y": x * x} for x in range(count)]


def test_rows_that_go_on_are_sent_alone_and_a_loaded_page_finds_all() -> None:
    chart = Heard(spec=FRAME, rows=rows(3))
    chart.replace(rows(5))
    assert chart.sent == [{"first": 3, "rows": rows(5)[3:]}]
    assert chart.get_state("rows")["rows"] == rows(5)


def test_other_rows_replace_the_old_ones() -> None:
    chart = Heard(spec=FRAME, rows=rows(3))
    chart.replace(rows(2))
    assert chart.sent == []
    assert chart.rows == rows(2)


def test_a_page_that_missed_rows_gets_them_from_where_it_is() -> None:
    chart = Heard(spec=FRAME, rows=rows(6))
    chart._handle_custom_msg({"need": 4}, [])
    assert chart.sent == [{"first": 4, "rows": rows(6)[4:]}]


def test_a_drawn_spec_holds_no_rows_and_no_title(view: View) -> None:
    charts = Charts(view)
    spec = charts.chart.spec
    assert spec["data"] == {"name": "rows"}
    assert "title" not in spec
    assert charts.chart.title.startswith("Accuracy by level")
    assert charts.chart.rows == rows_of(charts.plot)
    charts.close()


@pytest.mark.parametrize("kind", ["accuracy", "map", "accepted", "entropy", "feedback"])
def test_a_new_round_changes_rows_and_not_the_spec(view: View, kind: str) -> None:
    """So that nothing is embedded anew."""
    charts = Charts(view, kind)
    before, count = charts.chart.spec, len(charts.chart.rows)
    view.do("study.step()", lambda study: study.step())
    until(lambda: len(charts.chart.rows) > count)
    assert charts.chart.spec == before
    charts.close()


@pytest.mark.parametrize("kind", NAMES)
def test_every_chart_draws_what_its_plot_says(view: View, kind: str) -> None:
    charts = Charts(view, kind)
    plot = charts.plot
    if plot.empty:
        assert charts.chart.empty == plot.empty
    else:
        assert charts.chart.rows == rows_of(plot)
        assert charts.chart.spec["layer"] == frame_of(plot)["layer"]
    assert plot.title in str(charts.page())
    charts.close()


def test_the_losses_of_a_round_that_trains_are_followed_step_by_step(view: View) -> None:
    charts = Charts(view, "loss")
    view.do("study.step()", lambda study: study.step())
    until(lambda: view.look is not None and view.look.summary.head == 3)
    until(lambda: charts.chart.rows and charts.chart.rows[0]["line"] == "r3")
    assert [row["y"] for row in charts.chart.rows] == pytest.approx(
        list(view.progress.losses.values()), abs=1e-6
    )
    charts.close()


def test_a_click_on_a_point_looks_at_its_level_and_round_and_again_lets_go(view: View) -> None:
    charts = Charts(view)
    point = next(r for r in charts.chart.rows if (r["level"], r["round"]) == (3, 1))
    charts.chart._handle_custom_msg({"clicked": point}, [])
    assert (view.level, view.shown) == (3, 1)
    assert charts.chart.picks == {"level": 3, "round": 1, "picked": None}
    assert len(charts.chart.rows) == 24, "a look back hides no later round"
    charts.chart._handle_custom_msg({"clicked": point}, [])
    assert (view.level, view.shown) == (None, 1)
    charts.chart._handle_custom_msg({"clicked": {"legend": "level 5"}}, [])
    charts.chart._handle_custom_msg({"clicked": {"axis": "r2"}}, [])
    assert (view.level, view.shown) == (5, 2)
    assert charts.chart.picks["round"] is None, "the newest round needs no pointing out"
    charts.chart._handle_custom_msg({"clicked": {}}, [])
    assert view.level is None
    charts.close()


@pytest.mark.parametrize("row", [{}, {"axis": "accuracy"}, {"legend": "entropy"}, {"axis": "0.5"}])
def test_what_names_no_level_and_no_round_picks_none(row: dict[str, str]) -> None:
    assert (level_of(row), round_of(row)) == (None, None)


def test_charts_share_one_library_that_is_kept_once_packed(view: View) -> None:
    first, second = LiveChart(), LiveChart()
    assert first.library is second.library
    until(lambda: first.library.source or first.library.mistake)
    assert first.library.source.endswith(bundle.END)
    assert "vegaEmbed" in first.library.source
    assert bundle.kept_file().read_text(encoding="utf-8") == first.library.source


def test_half_a_kept_library_is_packed_again(tmp_path: Path) -> None:
    file = tmp_path / "vega.js"
    file.write_text("window.vegaEmbed = ")
    assert bundle._read(file) == ""
    file.write_text(f"window.vegaEmbed = 1;{bundle.END}")
    assert bundle._read(file).startswith("window")
