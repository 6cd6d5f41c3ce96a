"""`sitool lab`, as a person types it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import command

from sitool import lab

Cli = Callable[..., str]
SMALL = ("--runs", "40", "--rounds", "4", "--levels", "3", "--spread", "4")


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command that must end well, and return what it prints."""

    def run(*words: object) -> str:
        said = command(monkeypatch, capsys, "lab", *words)
        assert said.code == 0, said.err
        return said.out

    return run


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command that must be refused, and return what it says."""

    def run(*words: object) -> str:
        said = command(monkeypatch, capsys, "lab", *words)
        assert said.code == 2
        return " ".join(said.err.split())

    return run


def test_bounds_are_printed_with_what_they_assume(cli: Cli) -> None:
    out = cli("bounds", "--draws", 200)
    assert "J- = .13 to J+ = .87" in out
    assert out.count("Assumes: ") == 15
    assert "sitool bound" in out
    none = cli("bounds", "--draws", 50)
    assert "nothing is guaranteed" in none


def test_bounds_as_json_are_those_of_the_library(cli: Cli) -> None:
    found = json.loads(cli("bounds", "--initial", 0.9, "--json"))
    expected = lab.guarantees(lab.Situation(initial=0.9))
    for bound, stored in zip(expected, found, strict=False):
        assert stored["name"] == bound.name
        np.testing.assert_allclose(
            np.array(stored["value"], dtype=float), bound.value, equal_nan=True
        )


@pytest.mark.parametrize("learner", ["shared", "chain", "tabular", "self", "sharpening"])
def test_every_learner_can_be_played(cli: Cli, learner: str) -> None:
    out = cli("simulate", "--learner", learner, *SMALL)
    assert "Level 3, 40 runs each: adaptive ends at" in out
    assert len(out.splitlines()) == 7


def test_what_is_known_beforehand_is_said(cli: Cli) -> None:
    # s + r (1 - s) with s = .6 ** 4 and r = .5; 3 levels of 16 prompts, 10 answers each.
    assert "right about .56 of" in cli(
        "simulate", "--learner", "self", "--correlation", 0.5, *SMALL
    )
    assert "log|Pi| = 111" in cli("simulate", "--learner", "tabular", *SMALL)


def test_a_simulation_as_json_is_that_of_the_library(cli: Cli) -> None:
    out = cli(
        "simulate", "-c", "staged", *SMALL, "--false-accepts", 0.1, "--restart", "base", "--json"
    )
    learner = lab.SharedSkill(0.6, [1, 2, 4], verifier=lab.Verifier(0.1))
    run = lab.simulate(learner, "staged", rounds=4, runs=40, restart="base")
    stored = json.loads(out)["curricula"]["staged"]
    np.testing.assert_allclose(stored["success"]["3"]["mean"], run.band("success", 3).mean)
    np.testing.assert_allclose(stored["gap"]["all"]["mean"], run.band("gap").mean)


def test_a_diagram_is_drawn_and_written(cli: Cli, tmp_path: Path) -> None:
    words = (
        "diagram", "--x", "initial:0.2:0.9:6", "--y", "prompts:8:64:3", "--runs", 10,
        "-o", tmp_path / "map.csv",
    )  # fmt: skip
    out = cli(*words)
    assert "Of 18 cells: " in out
    assert len((tmp_path / "map.csv").read_text(encoding="utf-8").splitlines()) == 19
    body = json.loads(cli(*words, "--json"))
    assert len(body["cells"]) == 18
    assert {cell["prompts"] for cell in body["cells"]} == {8, 23, 64}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("diagram", "--x", "initial:0.2"), "'initial:0.2' is no axis: NAME:FROM:TO:CELLS"),
        (("diagram", "--x", "initial:0:1:4"), "above 0, with 1 to 200 cells"),
        (("diagram", "--x", "spread:2:4:3"), "spread can only be y"),
        (("simulate", "-c", "adaptiv"), "Did you mean 'adaptive'?"),
        (("simulate", "--level", "9"), "There is no level 9 of 5"),
        (("simulate", "--initial", "0"), "The initial skill must be above 0"),
        (("simulate", "-o", "lab.doc", *SMALL), "No form of file is named 'doc'"),
    ],
)
def test_mistakes_are_said_in_a_sentence(
    refused: Cli, words: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused(*words)


def test_the_laboratory_loads_no_model_library() -> None:
    code = (
        "import sys; sys.argv = ['sitool', 'lab', 'simulate', '--runs', '5']\n"
        "from sitool.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*[m for m in ('torch', 'transformers', 'altair', 'vl_convert') if m in sys.modules],"
        " file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "adaptive ends at" in done.stdout
    assert done.stderr.split() == []
