"""What the laboratory shows, as plots, tables and files."""

import csv
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from sitool import lab, theory, vega
from sitool.errors import StudyError, UnknownNameError

LEARNER = lab.SharedSkill(0.5, [1, 2, 4])
PLAN = lab.DiagramPlan(
    lab.Axis("initial", [0.3, 0.6]), lab.Axis("spread", [2, 8, 32]), learner="chain", runs=5
)


@pytest.fixture(scope="module")
def runs() -> dict[str, lab.Run]:
    return {
        rule: lab.simulate(LEARNER, rule, rounds=4, runs=50) for rule in ("adaptive", "uniform")
    }


@pytest.fixture(scope="module")
def diagram() -> lab.PhaseDiagram:
    return lab.phase_diagram(PLAN)


@pytest.mark.parametrize("series", theory.TITLES)
def test_every_series_is_a_valid_chart_of_the_runs(runs: dict[str, lab.Run], series: str) -> None:
    altair = pytest.importorskip("altair")
    plot = theory.run_plot(runs, series)
    altair.Chart.from_dict(vega.spec_of(plot))
    assert [line.label for line in plot.lines] == ["adaptive", "uniform"]
    assert "50 simulated runs" in plot.title
    assert "95 % of the runs" in vega.spec_of(plot)["title"]["subtitle"]
    for line, run in zip(plot.lines, runs.values(), strict=True):
        band = run.band(series, None, theory.CENTRAL)
        np.testing.assert_array_equal(line.y, band.mean[-len(line.y) :])
        assert len(line.x) == (4 if series == "accepted" else 5)


def test_a_diagram_is_a_valid_chart_of_its_cells(diagram: lab.PhaseDiagram) -> None:
    altair = pytest.importorskip("altair")
    spec = theory.diagram_spec(diagram)
    altair.Chart.from_dict(spec)
    cells = spec["data"]["values"]
    assert len(cells) == 6
    names = theory.winner_names(PLAN)
    assert [c["simulated"] for c in cells] == [names[lab.Winner(w)] for w in diagram.winner.flat]
    said = {"no guarantee": 0, "even": 1, "easy to hard is better": 2, "uniform is better": 3}
    assert [said[c["bound"]] for c in cells] == diagram.bound_winner.ravel().tolist()


@pytest.mark.parametrize("form", ["svg", "png", "html"])
def test_a_picture_is_what_its_ending_says_and_loads_nothing(
    tmp_path: Path, diagram: lab.PhaseDiagram, form: str
) -> None:
    pytest.importorskip("vl_convert")
    file = tmp_path / "new" / f"lab.{form}"
    theory.save(file, [], theory.diagram_spec(diagram))
    content = file.read_bytes()
    if form == "svg":
        assert ET.fromstring(content.decode()).tag.endswith("svg")
    elif form == "png":
        assert content.startswith(b"\x89PNG")
    else:
        assert b"<html" in content
        assert b'src="http' not in content


def test_tables_hold_every_number(
    tmp_path: Path, runs: dict[str, lab.Run], diagram: lab.PhaseDiagram
) -> None:
    file = tmp_path / "runs.csv"
    theory.save(file, theory.run_rows(runs), theory.run_plot(runs, "success"))
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    found = [
        float(r["mean"]) for r in rows
        if (r["curriculum"], r["series"], r["level"]) == ("adaptive", "success", "3")
    ]  # fmt: skip
    np.testing.assert_allclose(found, runs["adaptive"].band("success", 3).mean)
    header, *cells = theory.diagram_rows_of(diagram)
    first = [cell[header.index("first")] for cell in cells]
    np.testing.assert_array_equal(np.reshape(first, (3, 2)), diagram.first)


def test_files_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="No form of file is named 'jpeg'"):
        theory.save(tmp_path / "lab.jpeg", [], {})
    with pytest.raises(StudyError, match="cannot be written"):
        theory.save(Path("/dev/null/lab.csv"), [["a"]], {})


def test_a_series_that_there_is_not_is_refused(runs: dict[str, lab.Run]) -> None:
    with pytest.raises(UnknownNameError, match="No series is named 'loss'"):
        theory.run_plot(runs, "loss")
