"""Which levels a round's problems come from, and how that moves from round to round.

Pure functions: the round's settings, what was measured after the parent round
and a small state go in; weights over levels and the next state come out. What
this leaves out: drawing the problems, which round is the parent (`loop.py`), and the formulas
of the rules: those that follow the clock alone (`schedules.py`), and the choice of the adaptive
one (`adaptive.py`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sitool.config import CurriculumSettings
from sitool.curriculum.adaptive import NOWHERE, next_places
from sitool.curriculum.schedules import cosine_shares, gaussian_shares, normalised, staged_shares
from sitool.errors import StudyError

MOST_SHIFT = 64

Success = Mapping[int, float | None]


@dataclass(frozen=True)
class CurriculumState:
    """What a rule must remember from one round to the next.

    Attributes:
        active: The level that the adaptive rule works on; None before it chose.
    """

    active: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {"active": self.active}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "CurriculumState":
        """Read what `to_json` wrote; an empty mapping is the state of the first round."""
        return cls(active=stored.get("active"))


def next_mixture(
    settings: CurriculumSettings,
    levels: Sequence[int],
    progress_round: int,
    success: Success,
    state: CurriculumState,
) -> tuple[dict[int, float], CurriculumState]:
    """Return the next round's weights over levels, and the state after it.

    Args:
        levels: The levels that the task offers, in any order.
        progress_round: Rounds already taken on this branch, from 0.
        success: Held-out success of the parent by level, in [0, 1]; missing or
            None where it was not measured.
        state: The parent's.

    Returns:
        A weight for every level from `lowest` to `highest`, easiest first,
        summing to 1.

    Raises:
        StudyError: No level, or no weight, is left between the two.
    """
    steps = ladder(settings, levels)
    if settings.rule == "adaptive":
        active = next_active(settings, steps, success, state.active)
        return adaptive_mixture(settings, steps, active), CurriculumState(active)
    shares = scheduled_shares(settings, steps, progress_round)
    return dict(zip(steps, shifted(shares, settings.shift), strict=True)), state


def adaptive_mixture(
    settings: CurriculumSettings, steps: Sequence[int], active: int
) -> dict[int, float]:
    """Return the adaptive rule's weights over a ladder's levels while one of them is active."""
    shares = adaptive_shares(settings, steps, active)
    return dict(zip(steps, shifted(shares, settings.shift), strict=True))


def ladder(settings: CurriculumSettings, levels: Sequence[int]) -> list[int]:
    """Return the levels that may be drawn, easiest first.

    Raises:
        StudyError: None of `levels` lies between `lowest` and `highest`.
    """
    highest = settings.highest or max(levels, default=0)
    steps = [level for level in sorted(set(levels)) if settings.lowest <= level <= highest]
    if not steps:
        raise StudyError(
            f"No level lies between lowest ({settings.lowest}) and highest ({highest});"
            f" the task offers {span(levels)}.",
            "try: --set curriculum.lowest=1 --set curriculum.highest=0",
        )
    return steps


def span(levels: Sequence[int]) -> str:
    """Name a run of levels in words.

    >>> span(range(1, 9)), span([4])
    ('levels 1 to 8', 'level 4')
    """
    if not levels:
        return "none"
    low, high = min(levels), max(levels)
    return f"level {low}" if low == high else f"levels {low} to {high}"


def scheduled_shares(
    settings: CurriculumSettings, steps: Sequence[int], progress_round: int
) -> list[float]:
    """Return the shares of a rule that looks at no measurement."""
    progress = min(max(progress_round / settings.rounds, 0.0), 1.0)
    match settings.rule:
        case "staged":
            return staged_shares(len(steps), progress_round, settings.rounds)
        case "cosine":
            return cosine_shares(len(steps), progress)
        case "gaussian":
            return gaussian_shares(
                len(steps), progress, settings.mu_exp, settings.sigma, settings.p_min
            )
        case _:
            return weighted_shares(settings, steps)


def weighted_shares(settings: CurriculumSettings, steps: Sequence[int]) -> list[float]:
    """Share by the person's own weights (fixed, manual); none given is uniform.

    Raises:
        StudyError: Every level on the ladder has weight 0.
    """
    if not settings.weights:
        return [1 / len(steps)] * len(steps)
    weights = [settings.weights.get(level, 0.0) for level in steps]
    if not sum(weights):
        raise StudyError(
            f"curriculum.weights gives no weight to any of {span(steps)}:"
            f" it names {sorted(settings.weights)}.",
            "try: give one of these levels a weight above 0",
        )
    return normalised(weights)


def adaptive_shares(settings: CurriculumSettings, steps: Sequence[int], active: int) -> list[float]:
    """Share between the active level, the next one and the easier ones.

    `ahead` goes to the next level and `review` evenly over the easier ones;
    what has no such level stays on the active one, with all the rest.
    """
    place = steps.index(active)
    ahead = settings.ahead if place + 1 < len(steps) else 0.0
    review = settings.review if place else 0.0
    shares = [0.0] * len(steps)
    for index in range(place):
        shares[index] = review / place
    if ahead:
        shares[place + 1] = ahead
    shares[place] = 1 - ahead - review
    return shares


def next_active(
    settings: CurriculumSettings, steps: Sequence[int], success: Success, active: int | None
) -> int:
    """Choose the level that the adaptive rule works on next, by `adaptive.next_places`."""
    measured = np.array([[math.nan if (s := success.get(k)) is None else s for k in steps]])
    place = NOWHERE if active is None or active not in steps else steps.index(active)
    return steps[int(next_places(settings, measured, np.array([place]))[0])]


def in_band(settings: CurriculumSettings, value: float) -> bool:
    """Whether a success lies in the target band, edges included."""
    return settings.low <= value <= settings.high


def shifted(shares: Sequence[float], shift: int) -> list[float]:
    """Move a mixture `shift` places harder; what would leave the ladder piles up at its end.

    >>> shifted([0.5, 0.3, 0.2], 1)
    [0.0, 0.5, 0.5]
    """
    moved: list[list[float]] = [[] for _ in shares]
    for index, share in enumerate(shares):
        moved[min(max(index + shift, 0), len(shares) - 1)].append(share)
    return [math.fsum(arrived) for arrived in moved]


def allocate(weights: Mapping[int, float], problems: int) -> dict[int, int]:
    """Split a number of problems over levels in proportion to weights.

    Largest remainder: everyone gets the whole part of their quota, and what is
    left goes to the largest remainders, ties to the easier level.

    Raises:
        ValueError: A weight or `problems` is below 0, or all weights are 0.

    >>> allocate({1: 0.5, 2: 0.25, 3: 0.25}, 10)
    {1: 5, 2: 3, 3: 2}
    """
    total = math.fsum(weights.values())
    if problems < 0 or not total or min(weights.values()) < 0:
        raise ValueError(f"cannot split {problems} problems by the weights {dict(weights)}")
    quotas = {level: weights[level] / total * problems for level in sorted(weights)}
    # The small number keeps a quota such as 2.9999999999999996 from losing its unit.
    counts = {level: math.floor(quota + 1e-9) for level, quota in quotas.items()}
    by_remainder = sorted(
        quotas, key=lambda level: (-round(quotas[level] - counts[level], 9), level)
    )
    for level in by_remainder[: problems - sum(counts.values())]:
        counts[level] += 1
    return counts


def harder(settings: CurriculumSettings, levels: Sequence[int] = ()) -> CurriculumSettings:
    """Move the whole mixture one level harder.

    Args:
        levels: The task's, if the move should be refused once it can do no more.

    Raises:
        StudyError: It is as hard as it can be.
    """
    return moved_by(settings, 1, levels)


def easier(settings: CurriculumSettings, levels: Sequence[int] = ()) -> CurriculumSettings:
    """Move the whole mixture one level easier.

    Args:
        levels: The task's, if the move should be refused once it can do no more.

    Raises:
        StudyError: It is as easy as it can be.
    """
    return moved_by(settings, -1, levels)


def moved_by(settings: CurriculumSettings, notch: int, levels: Sequence[int]) -> CurriculumSettings:
    """Add one notch to the shift, if it stays within bounds."""
    limit = len(ladder(settings, levels)) - 1 if levels else MOST_SHIFT
    shift = settings.shift + notch
    if abs(shift) > limit and abs(shift) > abs(settings.shift):
        word, other = ("harder", "easier") if notch > 0 else ("easier", "harder")
        raise StudyError(
            f"The mixture is already moved {abs(settings.shift)} levels {word};"
            f" allowed are {-limit} to {limit}.",
            f"try: move it {other}, or change curriculum.lowest and curriculum.highest",
        )
    return settings.model_copy(update={"shift": shift})


def describe(
    settings: CurriculumSettings,
    levels: Sequence[int],
    progress_round: int,
    success: Success,
    state: CurriculumState,
) -> str:
    """Say in one sentence what the rule does with this round, and why.

    Takes exactly what `next_mixture` takes (so the parent's state).

    Raises:
        StudyError: As `next_mixture`.
    """
    steps = ladder(settings, levels)
    if settings.rule == "adaptive":
        sentence = describe_adaptive(settings, steps, success, state.active)
    else:
        sentence = describe_schedule(settings, steps, progress_round)
    if not settings.shift:
        return f"{sentence}."
    way = "harder" if settings.shift > 0 else "easier"
    count = abs(settings.shift)
    return f"{sentence}; then all is moved {count} level{'s' * (count > 1)} {way}."


def describe_schedule(
    settings: CurriculumSettings, steps: Sequence[int], progress_round: int
) -> str:
    """Say what a rule does that looks at no measurement."""
    if settings.rule in ("fixed", "manual"):
        whose = "your own weights" if settings.weights else "equal weights"
        return f"{settings.rule.capitalize()}: {whose} over {span(steps)}"
    shares = scheduled_shares(settings, steps, progress_round)
    top = steps[shares.index(max(shares))]
    turn = min(progress_round, settings.rounds)
    return (
        f"{settings.rule.capitalize()}, after {turn} of {settings.rounds} rounds:"
        f" level {top} gets the largest share, {max(shares):.0%}"
    )


def describe_adaptive(
    settings: CurriculumSettings, steps: Sequence[int], success: Success, before: int | None
) -> str:
    """Say which level the adaptive rule works on, and what its success has to do with it."""
    active = next_active(settings, steps, success, before)
    share = adaptive_shares(settings, steps, active)[steps.index(active)]
    drawn = f"{share:.0%} of the round is drawn at level {active}"
    value = success.get(active)
    if value is None:
        return f"Level {active} is not measured yet: {drawn}"
    here = f"Level {active} is {place_in_band(settings, value)} at {value:.2f}"
    left = success.get(before) if before is not None and before != active else None
    if left is None or in_band(settings, left):
        return f"{here}: {drawn}"
    why = "passed" if left > settings.high else "too hard"
    return f"Level {before} is {why} at {left:.2f}, and {here[0].lower()}{here[1:]}: {drawn}"


def place_in_band(settings: CurriculumSettings, value: float) -> str:
    """Say where a success lies with respect to the target band."""
    band = f"the band ({settings.low:.2f} to {settings.high:.2f})"
    if in_band(settings, value):
        return f"inside {band}"
    return f"above {band}" if value > settings.high else f"below {band}"
