"""The plots of a study, and the same as Vega-Lite and SVG."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from sitool import plots, vega
from sitool.client import Study
from sitool.errors import MissingDependencyError, StudyError, UnknownNameError
from sitool.plots import KINDS, Line, Plot, branches
from sitool.vega.rows import MOST_POINTS


@pytest.mark.parametrize("kind", KINDS)
def test_every_chart_is_a_valid_vega_lite_spec(study: Study, kind: str) -> None:
    altair = pytest.importorskip("altair")
    altair.Chart.from_dict(vega.spec_of(plots.plot_of(study.summary(), kind, 2)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_chart_becomes_an_svg_that_loads_nothing(study: Study, kind: str) -> None:
    pytest.importorskip("vl_convert")
    svg = vega.svg_of(plots.plot_of(study.summary(), kind, 2))
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert not [e for e in root.iter() if e.tag.endswith(("image", "script", "style", "link"))]


@pytest.mark.parametrize("kind", KINDS)
def test_two_branches_lie_over_one_another(study: Study, kind: str) -> None:
    study.fork(1)
    study.step()
    plot = plots.overlay(study.summary(), kind, 2, 3)
    text = " ".join(line.label for line in plot.lines)
    assert "r2" in text
    assert "r3" in text
    vega.spec_of(plot)


def test_a_chart_shows_the_numbers_of_the_summary(study: Study) -> None:
    summary = study.summary()
    plot = plots.plot_of(summary, "accuracy", 2)
    first = summary.rounds[0].accuracy[1]
    assert plot.lines[0].label == "level 1"
    assert plot.lines[0].y[0] == first.value
    assert plot.lines[0].low is not None
    assert plot.lines[0].low[0] == first.low
    assert f"n={first.n}" in plot.title
    accepted = plots.plot_of(summary, "accepted", 2).lines[0]
    assert accepted.y[1:].tolist() == [r.accepted for r in summary.rounds[1:]]


def test_entropy_and_unique_answers_are_shares_of_the_most_there_can_be(study: Study) -> None:
    summary = study.summary()
    entropy, unique = plots.plot_of(summary, "entropy", 2).lines
    assert unique.y[2] == pytest.approx((summary.rounds[2].unique or 0) / 4)
    assert entropy.y[2] == pytest.approx((summary.rounds[2].entropy or 0) / np.log(4))


def test_pass_at_k_sets_the_base_against_the_shown_round(study: Study) -> None:
    plot = plots.plot_of(study.summary(), "pass_at_k", 2)
    assert [line.label for line in plot.lines] == ["r0 base", "r2"]
    assert list(plot.ticks.values()) == ["k=1", "k=2"]


def test_one_level_of_two_branches_alone(study: Study) -> None:
    plot = plots.overlay(study.summary(), "accuracy", 1, 2, level=3)
    assert "level 3" in plot.title
    assert plot.lines[1].y[-1] == study.summary().rounds[2].accuracy[3].value


def test_an_unknown_chart_or_round_is_one_sentence(study: Study) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        plots.plot_of(study.summary(), "acuracy", 2)
    with pytest.raises(StudyError, match="no round 9; known: 0 to 2"):
        plots.plot_of(study.summary(), "accuracy", 9)


def test_nothing_to_draw_is_said_and_not_drawn(study: Study) -> None:
    with pytest.raises(StudyError, match="nothing was trained"):
        vega.svg_of(plots.plot_of(study.summary(), "loss", 0))


def test_a_missing_extra_is_one_line_that_names_it(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(MissingDependencyError, match=r"sitool\[report\]"):
        vega.svg_of(plots.plot_of(study.summary(), "accuracy", 2))


def test_a_long_line_is_thinned_and_keeps_its_extremes() -> None:
    y = np.random.default_rng(0).normal(size=100_000)
    y[77], y[50_001], y[99_000] = -50, 50, np.nan
    line = Line("r1", np.arange(100_000.0), y)
    rows = vega.spec_of(Plot("loss", "Training loss", [line]))["data"]["values"]
    assert len(rows) <= MOST_POINTS + 2
    assert {min(r["y"] for r in rows), max(r["y"] for r in rows)} == {-50, 50}


BRANCH_PLOTS = (
    branches.accuracy_map, branches.weight_map, branches.feedback_plot,
    branches.branch_losses,
)  # fmt: skip


@pytest.mark.parametrize("make", BRANCH_PLOTS)
def test_the_charts_of_a_branch_are_valid_specs_and_can_be_drawn(study: Study, make: Any) -> None:
    altair = pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    spec = vega.spec_of(make(study.summary(), 2))
    altair.Chart.from_dict(spec)
    assert vega.picture(spec, "svg").startswith(b"<svg")


@pytest.mark.parametrize("make", BRANCH_PLOTS[1:])
def test_the_base_alone_has_none_of_them_and_says_why(study: Study, make: Any) -> None:
    assert "step once" in make(study.summary(), 0).empty


def test_the_map_has_every_accuracy_with_its_interval(study: Study) -> None:
    summary = study.summary()
    cells = {(c.column, c.row): c for c in branches.accuracy_map(summary, 2).cells}
    measured = {(f"r{r.round.id}", str(k)) for r in summary.rounds for k in r.accuracy if k}
    assert set(cells) == measured
    found, said = summary.rounds[1].accuracy[3], cells["r1", "3"]
    assert (found.value, found.low, found.high, found.n) == (
        said.value, said.low, said.high, said.n
    )  # fmt: skip


def test_the_map_of_weights_sums_to_1_each_round(study: Study) -> None:
    cells = branches.weight_map(study.summary(), 2).cells
    for name in ("r1", "r2"):
        assert sum(c.value for c in cells if c.column == name) == pytest.approx(1)


def test_the_feedback_loop_sets_each_round_against_the_one_before(study: Study) -> None:
    summary = study.summary()
    line = branches.feedback_plot(summary, 2).lines[0]
    values = [r.accuracy[1].value for r in summary.rounds]
    assert line.x.tolist() == values[:-1]
    assert line.y.tolist() == values[1:]
    assert line.names == ("after r1", "after r2")


def test_losses_of_a_branch_end_at_their_rounds(study: Study) -> None:
    summary = study.summary()
    (line,) = branches.branch_losses(summary, 2).lines
    assert line.y.tolist() == [loss for r in summary.rounds for loss in r.losses]
    assert line.x[len(summary.rounds[1].losses) - 1] == 1
    assert line.x[-1] == 2


def test_lines_beyond_the_eighth_differ_by_their_shape() -> None:
    lines = [Line(f"level {i}", np.arange(3.0), np.arange(3.0)) for i in range(24)]
    points = vega.spec_of(Plot("accuracy", "Many", lines))["layer"][-1]["encoding"]
    looks = zip(points["color"]["scale"]["range"], points["shape"]["scale"]["range"], strict=True)
    assert len(set(looks)) == 24


def test_importing_loads_no_chart_library() -> None:
    code = "import sys, sitool.vega; print('altair' in sys.modules, 'vl_convert' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
