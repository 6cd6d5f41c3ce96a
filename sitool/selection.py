"""Which samples count for training, with what weight, and by which rule.

Pure functions over the samples of one round. The order is always the same: the
rule (with what it gives where nothing survives it), then duplicates, then the
cap, and what a person ruled stands above all of it. A rejected sample takes no
part at all, so it never keeps another one out. What this leaves out: scoring
(`verifiers/`) and where rulings are kept (`store.py`).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sitool.config import SelectionSettings
from sitool.records import Outcome, Score

ACCEPT = "accept"
REJECT = "reject"
TINY = 1e-9
"""Scores are quotients such as 2 / 3: what is this close to a cut reaches it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored sample that may or may not count.

    Attributes:
        sample: Its number in the study, for words such as "a duplicate of sample 12".
        problem: Key of its problem; samples of one problem compete.
        scores: By verifier.
        ruling: A person's latest decision: "accept", "reject", or None.
    """

    sample: int
    problem: str
    text: str
    scores: Mapping[str, Score]
    ruling: str | None = None


@dataclass(frozen=True, slots=True)
class Selected:
    """What became of a candidate.

    Attributes:
        weight: Of its loss; 0 is left out.
        rule: Why, in a few words for a screen.
    """

    weight: float
    rule: str


def select(
    candidates: Sequence[Candidate], settings: SelectionSettings, default_verifier: str
) -> list[Selected]:
    """Decide about every sample of a round.

    Args:
        default_verifier: Whose scores decide if the settings name nobody.

    Returns:
        One decision for each candidate, in their order. Only the order of
        samples within one problem matters ("first seen").
    """
    verifiers = settings.verifiers or (default_verifier,)
    chosen: dict[int, Selected] = {}
    for group in by_problem(candidates).values():
        members = {place: candidates[place] for place in group}
        chosen |= select_in_problem(members, settings, verifiers)
    if settings.rule == "exponential":
        chosen = weigh_exponentially(chosen, candidates, settings.beta, verifiers)
    return [chosen[place] for place in range(len(candidates))]


def by_problem(candidates: Sequence[Candidate]) -> dict[str, list[int]]:
    """Group the places of candidates by their problem."""
    groups: dict[str, list[int]] = {}
    for place, candidate in enumerate(candidates):
        groups.setdefault(candidate.problem, []).append(place)
    return groups


def select_in_problem(
    members: Mapping[int, Candidate], settings: SelectionSettings, verifiers: Sequence[str]
) -> dict[int, Selected]:
    """Decide about the samples of one problem, by their place in the round."""
    rejected = [place for place, one in members.items() if one.ruling == REJECT]
    accepted = [place for place, one in members.items() if one.ruling == ACCEPT]
    running = {place: one for place, one in members.items() if place not in rejected}
    values = {
        place: found for place, one in running.items() if (found := values_of(one, verifiers))
    }
    chosen = {
        place: Selected(0.0, why_unscored(one, verifiers))
        for place, one in running.items()
        if place not in values
    }
    size = Size(len(members), len(running))
    chosen |= fill_empty(RULES[settings.rule](values, size, settings), values, settings)
    chosen |= {place: Selected(1.0, "you accepted it") for place in accepted}
    if settings.dedup:
        chosen |= drop_duplicates(chosen, members, accepted)
    chosen |= drop_over_cap(chosen, values, accepted, settings)
    return chosen | {place: Selected(0.0, "you rejected it") for place in rejected}


def values_of(candidate: Candidate, verifiers: Sequence[str]) -> tuple[float, ...] | None:
    """Return what every verifier gave, or None if one of them gave no value."""
    scores = [candidate.scores.get(name) for name in verifiers]
    values = [score.value for score in scores if score and score.outcome is Outcome.SCORED]
    given = tuple(value for value in values if value is not None)
    return given if len(given) == len(verifiers) else None


def why_unscored(candidate: Candidate, verifiers: Sequence[str]) -> str:
    """Say why a sample has no value; a failed verifier before an unread answer."""
    scores = [candidate.scores.get(name) for name in verifiers]
    if any(score and score.outcome is Outcome.ERROR for score in scores):
        return "the verifier failed"
    if any(score and score.outcome is Outcome.UNPARSED for score in scores):
        return "unparsed"
    return "not scored"


class Size(NamedTuple):
    """How many samples a problem has.

    Attributes:
        drawn: All of them, whatever became of them.
        running: Those that no person rejected, scored or not.
    """

    drawn: int
    running: int


Values = Mapping[int, tuple[float, ...]]
Rule = Callable[[Values, Size, SelectionSettings], dict[int, Selected]]


def fill_empty(
    chosen: dict[int, Selected], values: Values, settings: SelectionSettings
) -> dict[int, Selected]:
    """Apply the rule for a problem of which no sample survives.

    What has no score is never taken in: nobody vouched for it.
    """
    if settings.empty == "none" or any(one.weight for one in chosen.values()):
        return chosen
    if settings.empty == "all":
        return dict.fromkeys(values, Selected(1.0, "no sample survived, so all count"))
    best = best_place(values)
    if best is None:
        return chosen
    return chosen | {best: Selected(1.0, "no sample survived, so the best counts")}


def threshold(values: Values, size: Size, settings: SelectionSettings) -> dict[int, Selected]:
    """Keep what every verifier gives at least the threshold, or each at least its own.

    Source: rejection weights 1[score >= tau] with a global tau (Song et al.,
    "Mind the Gap", ICLR 2025); with the truth and tau = 1, reward filtering.
    """
    return {place: reach_thresholds(given, settings) for place, given in values.items()}


def reach_thresholds(given: tuple[float, ...], settings: SelectionSettings) -> Selected:
    """Decide about one sample by what its verifiers gave."""
    cuts = settings.thresholds or (settings.threshold,) * len(given)
    if any(value < cut for value, cut in zip(given, cuts, strict=True)):
        return Selected(0.0, "below the threshold")
    if settings.thresholds:
        return Selected(1.0, f"scores {words(given)} >= {words(cuts)}")
    return Selected(1.0, f"score {min(given):.2f} >= {settings.threshold:.2f}")


def quantile(values: Values, size: Size, settings: SelectionSettings) -> dict[int, Selected]:
    """Keep the best share of a problem's samples under every verifier; ties stay.

    The share is of all samples, unparsed ones too, so a problem whose answers
    could hardly be read does not get an easier cut.

    Source: per-prompt quantile weights (Song et al., "Mind the Gap", ICLR 2025).
    """
    places = max(1, math.ceil(settings.quantile * size.running - TINY))
    columns = list(zip(*values.values(), strict=True))
    cuts = [sorted(column, reverse=True)[:places][-1] for column in columns]
    best = f"among the best {settings.quantile:.0%}"
    return {
        place: (
            Selected(1.0, best)
            if all(value >= cut for value, cut in zip(given, cuts, strict=True))
            else Selected(0.0, f"not {best}")
        )
        for place, given in values.items()
    }


def best_of_n(values: Values, size: Size, settings: SelectionSettings) -> dict[int, Selected]:
    """Keep the one best sample of a problem, the first seen among equals."""
    best = best_place(values)
    return {
        place: (
            Selected(1.0, f"the best of {size.running}")
            if place == best
            else Selected(0.0, f"not the best of {size.running}")
        )
        for place in values
    }


def best_place(values: Values) -> int | None:
    """Return the place of the best sample, the first seen among equals; None without any.

    Under several verifiers the best is the one whose lowest score is highest.
    """
    return max(values, key=lambda place: (min(values[place]), -place), default=None)


def tournament(values: Values, size: Size, settings: SelectionSettings) -> dict[int, Selected]:
    """Keep what won enough rounds of its problem's bracket under every verifier.

    A score is the matches won in a row as a share of the bracket's rounds, of which N
    samples have ceil(log2 N): about N / 2^k of them survive round k. A bracket with
    fewer rounds than asked for keeps its winner.

    Source: tournament verification (Song et al., "Mind the Gap", ICLR 2025).
    """
    rounds = (size.drawn - 1).bit_length()
    wanted = min(settings.survive, rounds)
    return {
        place: (
            Selected(1.0, f"survived round {wanted} of {rounds}")
            if min(given) * rounds >= wanted - TINY
            else Selected(0.0, f"out before round {wanted} of {rounds} was won")
        )
        for place, given in values.items()
    }


def exponential(values: Values, size: Size, settings: SelectionSettings) -> dict[int, Selected]:
    """Keep everything that was scored; `weigh_exponentially` sets the weights.

    Source: KL-regularised weights (Song et al., "Mind the Gap", ICLR 2025).
    """
    return {
        place: Selected(1.0, f"exp(score / beta), score {words(given)}")
        for place, given in values.items()
    }


def words(values: Iterable[float]) -> str:
    """Write scores for a screen."""
    return " and ".join(f"{value:.2f}" for value in values)


RULES: Mapping[str, Rule] = {
    "threshold": threshold,
    "quantile": quantile,
    "best_of_n": best_of_n,
    "exponential": exponential,
    "tournament": tournament,
}


def kept_places(chosen: Mapping[int, Selected]) -> list[int]:
    """Return the places of what still counts, first seen first."""
    return sorted(place for place, one in chosen.items() if one.weight)


def drop_duplicates(
    chosen: Mapping[int, Selected], members: Mapping[int, Candidate], accepted: Sequence[int]
) -> dict[int, Selected]:
    """Drop each kept sample whose text equals that of one kept before it.

    What a person accepted comes first: it stays, and the rule's copy goes.
    """
    first: dict[str, int] = {}
    for place in accepted:
        first.setdefault(members[place].text, place)
    dropped = {}
    for place in kept_places(chosen):
        original = first.setdefault(members[place].text, place)
        if original != place and place not in accepted:
            dropped[place] = Selected(0.0, f"a duplicate of sample {members[original].sample}")
    return dropped


def drop_over_cap(
    chosen: Mapping[int, Selected],
    values: Values,
    accepted: Sequence[int],
    settings: SelectionSettings,
) -> dict[int, Selected]:
    """Drop what the rule kept beyond the cap: the lowest scores, then the last seen.

    Under several verifiers the sum of their scores decides. What a person
    accepted takes a place and is never dropped.
    """
    if not settings.cap_per_problem:
        return {}
    places = max(0, settings.cap_per_problem - len(accepted))
    rivals = [place for place in kept_places(chosen) if place not in accepted]
    rivals.sort(key=lambda place: (-math.fsum(values[place]), place))
    over = Selected(0.0, f"over the cap of {settings.cap_per_problem}")
    return dict.fromkeys(rivals[places:], over)


def weigh_exponentially(
    chosen: Mapping[int, Selected],
    candidates: Sequence[Candidate],
    beta: float,
    verifiers: Sequence[str],
) -> dict[int, Selected]:
    """Give what the rule kept the weight exp(score / beta), scaled to a mean of 1.

    Under several verifiers the weights multiply. What a person accepted stays at 1.
    """
    kept = [place for place in kept_places(chosen) if candidates[place].ruling != ACCEPT]
    totals = [math.fsum(values_of(candidates[place], verifiers) or ()) for place in kept]
    # From the largest total down, so that a small beta cannot overflow.
    largest = max(totals, default=0.0)
    raw = [math.exp((total - largest) / beta) for total in totals]
    # fsum is the same in any order, so the order of the problems cannot matter.
    scale = len(raw) / math.fsum(raw) if raw else 1.0
    weighed = {
        place: Selected(weight * scale, chosen[place].rule)
        for place, weight in zip(kept, raw, strict=True)
    }
    return dict(chosen) | weighed
