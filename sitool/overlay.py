"""A real study beside the theory: which skill explains it, what is next, and how it feeds back.

Reads a study's summary alone. The skills are fitted by `sitool.lab.fit`, and a round further
is one of a simulated learner (`prediction.py`), with the problems by level and the samples
of each that the study draws. What this leaves out: drawing it (`theory.py`, `tui/`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from sitool import lab
from sitool.config import Settings
from sitool.errors import StudyError
from sitool.measure import ALL_LEVELS
from sitool.plots import branch_to
from sitool.prediction import (
    MEASURES,
    FittedRound,
    Floats,
    Lens,
    Prediction,
    Step,
    fit_prior,
    predict,
)
from sitool.store import Metric, Plan
from sitool.summary import RoundSummary, Summary

__all__ = ["MEASURES", "FittedRound", "Lens", "Overlay", "Prediction", "lay_over"]


@dataclass(frozen=True, eq=False)
class Feedback:
    """The acceptance feedback loop: J_{t+1} against J_t.

    Attributes:
        points: (t, J_t, J_{t+1}) of every step of the branch.
        draws: n of the map: samples drawn in a round, of the newest that drew any.
        places, floor: F(J) = 1 - b/J over J in [0, 1], the sitool bound S3.
        lower, upper: J- and J+; NaN where there are none.
        bound: With its formula and assumptions.
    """

    points: Sequence[tuple[int, float, float]]
    draws: int
    places: Floats
    floor: Floats
    lower: float
    upper: float
    bound: lab.Bound


@dataclass(frozen=True, eq=False)
class Overlay:
    """A branch of a study beside the theory.

    Attributes:
        lens: How it was looked at.
        rounds: From the base to the tip.
        predictions: Of every round after the base, from the one before.
        next: Of the round that is not stepped yet; None if the tip is not the head.
    """

    lens: Lens
    rounds: Sequence[FittedRound]
    predictions: Sequence[Prediction]
    next: Prediction | None
    feedback: Feedback

    @property
    def coverage(self) -> tuple[int, int]:
        """Count the measurements that lay within their band, and all; 95 % should."""
        counts = [prediction.inside for prediction in self.predictions]
        return sum(inside for inside, _ in counts), sum(known for _, known in counts)

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool lab overlay --json` prints it."""
        inside, known = self.coverage
        made = [*self.predictions, *([self.next] if self.next else [])]
        return {
            "model": self.lens.model,
            "measure": self.lens.measure,
            "rounds": [_round_as_json(here) for here in self.rounds],
            "predictions": [_prediction_as_json(one) for one in made],
            "coverage": {"inside": inside, "measured": known},
            "feedback": {
                "points": [list(point) for point in self.feedback.points],
                "draws": self.feedback.draws,
                "lower": _number(self.feedback.lower),
                "upper": _number(self.feedback.upper),
                "formula": self.feedback.bound.formula,
                "assumptions": self.feedback.bound.assumptions,
                "source": self.feedback.bound.source,
            },
        }


def lay_over(
    summary: Summary, tip: int | None = None, lens: Lens | None = None, plan: Plan | None = None
) -> Overlay:
    """Lay the theory over the branch that leads to a round.

    Args:
        tip: The round; None is the head.
        plan: What the next round will draw; without it nothing is predicted of that.

    Raises:
        StudyError: Nothing was measured yet, or not what the lens asks for.
        LabError: A number of the lens is out of range.
    """
    look = lens or Lens()
    chosen = summary.head if tip is None else tip
    if chosen is None:
        raise StudyError("The base is not measured yet.", "try: sitool run DIR --rounds 0")
    branch = [r for r in branch_to(summary, chosen) if r.round.finished]
    rounds = [fit_round(r, look) for r in branch]
    made = [
        (_step(rounds, place, r.levels, r.round.settings), rounds[place + 1])
        for place, r in enumerate(branch[1:])
    ]
    predictions = [
        _compared(predict(step, look, _prior(made[:place], look)), actual)
        for place, (step, actual) in enumerate(made)
    ]
    ahead = None
    if plan is not None and chosen == summary.head:
        drawn = {level: count for level, count in plan.problems.items() if count}
        step = _step(rounds, len(rounds) - 1, drawn, summary.settings)
        ahead = predict(step, look, _prior(made, look))
    draws = _draws_of(rounds, ahead)
    return Overlay(look, rounds, predictions, ahead, feedback(rounds, draws, look))


def fit_round(here: RoundSummary, lens: Lens) -> FittedRound:
    """Fit the lens's model to what was measured of one round.

    Raises:
        StudyError: That was not measured.
    """
    found = here.accuracy if lens.measure == "greedy" else here.pass_at_k.get(1, {})
    by_level = {level: m for level, m in found.items() if level != ALL_LEVELS and m.n}
    if not by_level or ALL_LEVELS not in found:
        raise StudyError(
            f"{here.round.label} has no {lens.measure} success by level.",
            "try: --measure greedy, or evaluation.samples above 0",
        )
    levels = sorted(by_level)
    counts = lab.Counts(
        [lens.length(level) for level in levels],
        [_right(by_level[level]) for level in levels],
        [by_level[level].n or 0 for level in levels],
    )
    fitted = lab.fit(lens.model, counts, draws=lens.runs, seed=lens.seed)
    draws = here.sampled if here.round.parent is not None else 0
    return FittedRound(here.round.id, levels, counts, fitted, found[ALL_LEVELS].value, draws)


def feedback(rounds: Sequence[FittedRound], draws: int, lens: Lens) -> Feedback:
    """Set the branch's own steps beside the map of S3."""
    places = np.linspace(0.0, 1.0, 101)
    bound = lab.next_accuracy(places, lens.class_size, lens.rho, draws)
    lower, upper = lab.fixed_points(lab.feedback_strength(lens.class_size, lens.rho, draws))
    points = [(one.round, one.accuracy, other.accuracy) for one, other in pairwise(rounds)]
    return Feedback(points, draws, places, bound.value, float(lower), float(upper), bound)


def _step(
    rounds: Sequence[FittedRound], place: int, problems: Mapping[int, int], settings: Settings
) -> Step:
    return Step(
        rounds[place], rounds[0], problems, settings.draw.samples, settings.trainer.start_from
    )


def _prior(made: Sequence[tuple[Step, FittedRound]], lens: Lens) -> float:
    return fit_prior(made, lens) if lens.prior is None else lens.prior


def _compared(made: Prediction, actual: FittedRound) -> Prediction:
    """Set what was measured beside a prediction."""
    seen = dict(zip(actual.levels, actual.measured, strict=True))
    measured = np.array([seen.get(level, np.nan) for level in made.levels])
    overall = (*made.overall[:3], actual.accuracy)
    return replace(made, round=actual.round, measured=measured, overall=overall)


def _draws_of(rounds: Sequence[FittedRound], ahead: Prediction | None) -> int:
    """Return n of the map: what the next round draws, else what the newest one drew."""
    if ahead is not None:
        return sum(ahead.problems.values()) * ahead.samples
    return next((r.draws for r in reversed(rounds) if r.draws), 1)


def _right(metric: Metric) -> float:
    count = metric.value * (metric.n or 0)
    whole = round(count)
    return float(whole) if abs(count - whole) < 1e-6 else float(count)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _numbers(values: Floats) -> list[float | None]:
    return [_number(float(value)) for value in values]


def _round_as_json(here: FittedRound) -> dict[str, Any]:
    found = here.fit
    return {
        "round": here.round,
        "levels": list(here.levels),
        "lengths": [int(length) for length in here.counts.lengths],
        "measured": _numbers(here.measured),
        "n": [int(n) for n in here.counts.asked],
        "skill": _numbers(found.skill),
        "skill_low": _numbers(found.low),
        "skill_high": _numbers(found.high),
        "success": _numbers(found.success),
        "deviance": _number(found.deviance),
        "p_value": _number(found.p_value),
        "fits": found.fits,
        "accuracy": here.accuracy,
    }


def _prediction_as_json(made: Prediction) -> dict[str, Any]:
    names = ("mean", "low", "high", "measured")
    return {
        "from": made.start,
        "round": made.round,
        "levels": list(made.levels),
        "problems": {str(level): count for level, count in made.problems.items()},
        "samples": made.samples,
        "prior": made.prior,
        **{name: _numbers(getattr(made, name)) for name in names},
        "all": dict(zip(names, (_number(value) for value in made.overall), strict=True)),
    }
