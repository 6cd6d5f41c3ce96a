"""The experiments of docs/results.md: they run, and its tables are those of the kept runs."""

from pathlib import Path

import pytest

from benchmarks.experiments.judging import gap_of
from benchmarks.experiments.report import SECTIONS, report
from benchmarks.experiments.runs import Condition, Run, Size, conditions, read_runs, run_all
from benchmarks.experiments.sharpening import accuracy_at, samples_drawn
from benchmarks.experiments.tables import minus, said, written
from sitool.presets import build_settings

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results" / "experiments.jsonl"
SMALL = Size((8, 2), 1, (2, 4), (2, 8), 8, (2, 4), (2, 2))
LETTERS = [letter for letter, _, _ in SECTIONS]


def test_every_experiment_runs_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    wanted = conditions(SMALL)
    run_all(wanted[:2], [0], file)
    half = file.read_text()
    # A run that was cut off while its line was written, within nested braces.
    file.write_text(half + half[: half.index("}") + 1])
    assert len(read_runs(file)) == 2
    run_all(wanted, [0], file)
    assert file.read_text().startswith(half)
    runs = read_runs(file)
    assert [run.condition for run in runs] == wanted
    for run in runs:
        assert len(run.rounds) == run.condition.rounds + 1
    assert list(report(runs)) == LETTERS


def test_conditions_of_a_seed_meet_the_same_held_out_samples_of_the_base(kept: list[Run]) -> None:
    for kind, count in (("judged", 2), ("sharpened", 3)):
        for seed in {run.seed for run in kept}:
            bases = [r.rounds[0] for r in kept if (r.condition.kind, r.seed) == (kind, seed)]
            assert len(bases) == count
            assert all(base == bases[0] for base in bases)


@pytest.fixture(scope="module")
def kept() -> list[Run]:
    return read_runs(RESULTS)


def test_kept_runs_are_whole_and_of_today_s_conditions(kept: list[Run]) -> None:
    seeds = {run.seed for run in kept}
    assert len(seeds) >= 5
    expected = {(condition, seed) for condition in conditions(Size()) for seed in seeds}
    assert {(run.condition, run.seed) for run in kept} == expected
    assert len(kept) == len(expected)


@pytest.mark.parametrize("letter", LETTERS)
def test_a_table_in_the_docs_is_what_the_kept_runs_come_to(letter: str, kept: list[Run]) -> None:
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    section = text.split(f"\n### ({letter}) ")[1].split("\n## ")[0].split("\n### ")[0]
    assert report(kept)[letter] in section


@pytest.mark.parametrize("name", ["sft", "dpo", "xpo"])
def test_sharpening_is_set_as_in_its_preset(name: str) -> None:
    condition = next(c for c in conditions(Size()) if c.name == name)
    ours = build_settings(assignments=condition.options)
    preset = build_settings(f"sharpen-{name}")
    for group in ("model", "task", "draw", "sampler", "verifier", "selection", "trainer"):
        mine, theirs = (getattr(s, group).model_dump() for s in (ours, preset))
        if group == "model":
            assert mine | {"threads": theirs["threads"]} == theirs
        else:
            assert mine == theirs


def test_sharpening_draws_the_same_number_of_samples_by_every_objective() -> None:
    drawn = {
        condition.name: samples_drawn(condition, condition.rounds)
        for condition in conditions(Size())
        if condition.kind == "sharpened"
    }
    assert drawn == dict.fromkeys(("sft", "dpo", "xpo"), 8192)


def made(seed: int, before: float, after: float) -> Run:
    """Return a run of one round with the given gaps under mc."""
    rounds = [{"gaps": {"own": {"mc": {"value": value}}}} for value in (before, after)]
    return Run(Condition("judged", "mc", 1, ()), seed, rounds, 0.0)


def test_a_difference_is_taken_within_each_seed() -> None:
    # The gaps differ much between seeds, their fall does not.
    runs = [made(0, 0.5, 0.4), made(1, 0.9, 0.8), made(2, 0.2, 0.1)]
    assert said(runs, minus(gap_of("mc", 1), gap_of("mc", 0)), "+.3f") == (
        "-0.100 (-0.100 to -0.100)"
    )


def test_an_interval_is_student_s() -> None:
    # Mean .2, deviation .1, t of 2 degrees of freedom 4.30: .2 ± 4.30 x .1 / sqrt 3.
    assert written([0.1, 0.2, 0.3], ".2f") == "0.20 (-0.05 to 0.45)"
    assert written([0.5]) == "0.500"


def test_accuracy_between_two_sizes_lies_straight_in_log_n() -> None:
    curve = {"4": {"accuracy": 0.2}, "16": {"accuracy": 0.6}}
    run = Run(Condition("pool", "path", 0, ()), 0, [{"best_of_n": {"likelihood": curve}}], 0.0)
    assert accuracy_at(run, 8) == pytest.approx(0.4)
    assert accuracy_at(run, 4) == pytest.approx(0.2)
