"""Charts for notebooks: altair charts with the study's numbers, which show themselves offline."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import sitool
from sitool import charts, lab, theory
from sitool.client import Study
from sitool.errors import MissingDependencyError, StudyError, UnknownNameError

MOST_BYTES = 150_000
NOT_OF_A_STUDY_ALONE = ("beside", "draw", "branches", "scores", "tokens")
CHARTS: dict[str, Callable[[Study], Any]] = {
    **{n: getattr(charts, n) for n in charts.__all__ if n not in NOT_OF_A_STUDY_ALONE},
    "branches": lambda study: charts.branches(study, 1, 2),
    "scores": lambda study: charts.scores(study, "mc", "majority"),
    "tokens": lambda study: charts.tokens(study, 40),
    "beside": lambda study: charts.accuracy(study) | charts.loss(study),
}


@pytest.fixture(scope="module")
def judged(judged_rounds: Path) -> Iterator[Study]:
    """Return a study whose held-out samples judges have scored; for looking at only."""
    opened = sitool.open(judged_rounds)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _altair() -> None:
    pytest.importorskip("altair")


@pytest.fixture(scope="module")
def chart_of(judged: Study) -> Callable[[str], Any]:
    """Return a function that makes each chart of that study once; for looking at only."""
    return cache(lambda name: CHARTS[name](judged))


def rows_of(chart: Any) -> list[dict[str, Any]]:
    return list(chart.to_dict()["data"]["values"])


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_is_altairs_and_shows_itself_small_and_offline(
    chart_of: Callable[[str], Any], name: str
) -> None:
    import altair

    pytest.importorskip("vl_convert")
    chart = chart_of(name)
    assert isinstance(chart, altair.TopLevelMixin)
    spec = chart.to_dict()
    assert altair.Chart.from_dict(spec).to_dict() == spec
    shown, how = chart._repr_mimebundle_()
    assert set(shown) == {"application/vnd.vegalite.v5+json", "image/png", "text/plain"}
    assert shown["application/vnd.vegalite.v5+json"] | {"$schema": spec["$schema"]} == spec
    assert how["image/png"]["width"] >= 640
    assert len(json.dumps(shown)) < MOST_BYTES


@pytest.mark.parametrize("name", [n for n in CHARTS if n != "beside"])
def test_titles_axes_and_tooltips_are_in_words(chart_of: Callable[[str], Any], name: str) -> None:
    spec = chart_of(name).to_dict()
    assert " " in spec["title"]["text"]
    (marks,) = (layer for layer in spec["layer"] if layer.get("name") == "marks")
    told = {field["field"]: field["title"] for field in marks["encoding"]["tooltip"]}
    assert "y" in told
    assert all(told.values())
    rows = spec["data"]["values"]
    for field, title in (("low", "from"), ("high", "to"), ("n", "n")):
        if any(field in row for row in rows):
            assert told[field] == title


def test_what_a_study_has_worked_out_makes_the_same_charts(judged: Study) -> None:
    summary, gap, sharpening = judged.summary(), judged.gap(), judged.sharpening()
    assert rows_of(charts.accuracy(summary)) == rows_of(charts.accuracy(judged))
    assert rows_of(charts.gap(gap)) == rows_of(charts.gap(judged))
    assert rows_of(charts.lift(sharpening)) == rows_of(charts.lift(judged))
    theory = judged.theory()
    assert rows_of(charts.prediction(theory)) == rows_of(charts.prediction(judged))
    lines = {row["line"] for row in rows_of(charts.feedback(theory))}
    assert lines == {"sitool bound F", "no change", "this study"}


def test_a_branch_ends_at_the_round_that_is_asked_for(judged: Study) -> None:
    assert {row["round"] for row in rows_of(charts.accuracy(judged, 1))} == {0, 1}
    assert {row["round"] for row in rows_of(charts.weights(judged))} == {1, 2}


def test_verifiers_are_chosen_by_name(judged: Study) -> None:
    report = judged.gap()
    assert {row["line"] for row in rows_of(charts.gap(report))} == {
        *report.rounds[-1].gaps, "no gap"
    }  # fmt: skip
    shares = rows_of(charts.gap_sweep(report, "mc", by="share"))
    said = {round(100 * p.at, 6): p.gap for p in report.rounds[-1].judges["mc"].quantiles}
    for row in (row for row in shares if row["line"] == "gap"):
        assert row["y"] == pytest.approx(said[row["x"]].value, abs=1e-6)
        assert row["low"] == pytest.approx(said[row["x"]].low, abs=1e-6)
    for wrong in (
        lambda: charts.gap(report, "mcc"),
        lambda: charts.gap_sweep(report, by="treshold"),
        lambda: charts.gap_matrix(report, "likelihood_per_tokens"),
    ):
        with pytest.raises(UnknownNameError, match="Did you mean"):
            wrong()


def test_a_strip_of_tokens_reads_as_the_sample(judged: Study) -> None:
    sample = judged.sample(40)
    rows = rows_of(charts.tokens(judged, 40))
    assert "".join(row["token"] for row in rows if "⟨" not in row["token"]) == (
        sample.completion.text
    )
    assert [row["y"] for row in rows] == pytest.approx(sample.completion.token_logprobs, abs=1e-4)


def test_nothing_to_draw_is_said_with_what_to_do(study: Study, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="No judge has scored"):
        charts.gap(study)
    with pytest.raises(StudyError, match="judged nothing but its own"):
        charts.gap_matrix(study)
    with pytest.raises(StudyError, match="a score of both mc and cross"):
        charts.scores(study, "mc", "cross")
    with pytest.raises(StudyError, match="no round 9"):
        charts.accuracy(study, 9)
    fresh = sitool.create(tmp_path / "fresh", assignments=["model.base=scripted",
        "sampler.name=scripted", "trainer.name=scripted"])  # fmt: skip
    with pytest.raises(StudyError, match="base is not measured yet"):
        charts.accuracy(fresh)
    fresh.close()


def test_what_the_laboratory_shows_is_drawn_too() -> None:
    pytest.importorskip("vl_convert")
    plan = lab.DiagramPlan(lab.Axis("initial", [0.3, 0.6]), lab.Axis("spread", [2, 8]), runs=3)
    spec = theory.diagram_spec(lab.phase_diagram(plan))
    chart = charts.draw(spec, "dark")
    assert rows_of(chart) == spec["data"]["values"]
    assert chart.to_dict()["background"] != "white"
    assert "image/png" in chart._repr_mimebundle_()[0]


def test_a_chart_can_be_worked_on_as_any_of_altairs(study: Study) -> None:
    chart = charts.accuracy(study, theme="dark").properties(width=300).interactive()
    spec = chart.to_dict()
    assert spec["width"] == 300
    assert {"level", "round", "picked"} < {param["name"] for param in spec["params"]}
    assert "application/vnd.vegalite.v5+json" in chart._repr_mimebundle_()[0]


def test_charts_beside_each_other_share_what_is_picked_and_nothing_else(study: Study) -> None:
    vl_convert = pytest.importorskip("vl_convert")
    one, other = charts.accuracy(study), charts.accuracy_map(study)
    spec = (one | other).to_dict()
    assert [part["data"]["values"] for part in spec["concat"]] == [rows_of(one), rows_of(other)]
    views = {param["name"]: param["views"] for param in spec["params"]}
    assert views["level"] == views["round"] == ["marks_0", "marks_1"]
    assert views["picked_0"] == ["marks_0"]
    vega = vl_convert.vegalite_to_vega(spec, vl_version="6.1")
    assert {"rows_0", "rows_1"} <= {data["name"] for data in vega["data"]}
    assert {"level", "round"} <= {signal["name"] for signal in vega["signals"]}
    assert charts.beside(one, other, one, columns=3).to_dict()["columns"] == 3
    assert (one & other).to_dict()["columns"] == 1


def test_a_renderer_that_a_person_chose_is_left_to_them(study: Study) -> None:
    import altair

    with altair.renderers.enable("json"):
        shown = charts.accuracy(study)._repr_mimebundle_()
    assert "application/json" in (shown[0] if isinstance(shown, tuple) else shown)


def test_without_altair_a_chart_names_the_extra(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(MissingDependencyError, match=r"sitool\[notebook\]"):
        charts.accuracy(study)


def test_without_vl_convert_a_chart_still_shows(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = charts.accuracy(study)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    shown, _ = chart._repr_mimebundle_()
    assert set(shown) == {"application/vnd.vegalite.v5+json", "text/plain"}


def test_importing_loads_no_chart_library() -> None:
    code = "import sys, sitool.charts; print('altair' in sys.modules, 'vl_convert' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_an_exported_page_shows_the_still_as_wide_as_the_chart(study: Study) -> None:
    pytest.importorskip("vl_convert")
    nbformat = pytest.importorskip("nbformat.v4")
    nbconvert = pytest.importorskip("nbconvert")
    data, metadata = charts.accuracy(study)._repr_mimebundle_()
    output = nbformat.new_output("display_data", data=data, metadata=metadata)
    notebook = nbformat.new_notebook(cells=[nbformat.new_code_cell("", outputs=[output])])
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    (image,) = re.findall(r"<img[^>]*>", page)
    assert data["image/png"][:100] in image
    assert f'width="{metadata["image/png"]["width"]}"' in image
