"""Samplers tried out in processes of their own."""

from pathlib import Path

import pytest

from sitool import registry
from sitool.parts import make_task
from sitool.planning import trials
from sitool.planning.trials import Candidate, Trial
from sitool.presets import build_settings

pytestmark = pytest.mark.usefixtures("cache")

EXACT, ROUNDED = Candidate(("sampler.name=native",), ""), Candidate(("x=y",), "is approximate")


@pytest.mark.parametrize(
    ("exact", "rounded", "best"),
    [(100, 105, EXACT), (100, 140, ROUNDED), (100, 120, EXACT), (100, 50, EXACT)],
)
def test_an_exact_one_wins_unless_it_is_clearly_slower(
    exact: float, rounded: float, best: Candidate
) -> None:
    tried = [(EXACT, Trial(1, exact, 8)), (ROUNDED, Trial(1, rounded, 8))]
    assert trials.recommended(tried) is best


def test_every_candidate_is_of_a_sampler_that_is_here() -> None:
    found = list(trials.candidates())
    names = {candidate.assignments[0].partition("=")[2] for candidate in found}
    assert "native" in names
    assert names <= set(registry.names("sampler"))
    for candidate in found:
        build_settings(assignments=candidate.assignments)


def test_a_trial_is_measured_and_kept_for_these_settings() -> None:
    settings = build_settings(
        "smoke", assignments=["model.device=cpu", "model.threads=1", "sampler.max_new_tokens=4"]
    )
    assert trials.tokens_a_second(settings) is None
    candidate = next(trials.candidates())
    trial = trials.run_trial(candidate, settings, make_task(settings))
    assert trial is not None
    assert trial.rows == 64
    assert min(trial.small, trial.batch) > 0
    chosen = build_settings(assignments=candidate.assignments, base=settings)
    assert trials.tokens_a_second(chosen) == trial.batch
    half = build_settings(assignments=["model.dtype=bfloat16"], base=settings)
    assert trials.tokens_a_second(half) is None


def test_a_base_that_cannot_run_has_no_figures(tmp_path: Path) -> None:
    settings = build_settings("smoke", assignments=[f"model.base={tmp_path / 'nothing'}"])
    assert trials.run_trial(next(trials.candidates()), settings, make_task(settings)) is None
