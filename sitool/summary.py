"""Folds a study's database into every number that a screen, a table or a script shows.

Reads only; one `Summary` is one moment of a study. Front ends draw it and have
no numbers of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sitool import metrics
from sitool.config import Settings
from sitool.measure import ALL_LEVELS
from sitool.metrics import Accuracy
from sitool.presets import changed_settings
from sitool.seeds import derive_seed
from sitool.store import Metric, Round, Store
from sitool.store.marks import Mark

LITTLE_SIGNAL = 0.02


@dataclass(frozen=True, slots=True)
class RoundSummary:
    """One round in numbers.

    Attributes:
        levels: Problems drawn by level; empty for round 0.
        sampled: Samples drawn for training so far.
        accepted: Samples that count in training, carried ones included.
        overruled: Samples under a person's ruling.
        accuracy: Greedy and strict, by level; 0 is all levels.
        flexible: Greedy, the answer found anywhere, by level.
        pass_at_k: By k, then by level; sampled on the held-out problems.
        success: Of the round's own samples by level.
        accepted_by_level: Accepted and sampled, by level.
        shares: Of problems: all_wrong, mixed, all_right, unparsed.
        entropy: Of a problem's answers, in nats; None before it is measured.
        losses: Of each training step, in nats per completion token; of pairs in nats
            squared per pair.
        changes: Settings that differ from the parent's: path -> (before, after).
    """

    round: Round
    levels: Mapping[int, int]
    sampled: int
    accepted: int
    overruled: int
    accuracy: Mapping[int, Metric]
    flexible: Mapping[int, Metric]
    pass_at_k: Mapping[int, Mapping[int, Metric]]
    success: Mapping[int, Metric]
    accepted_by_level: Mapping[int, tuple[int, int]]
    shares: Mapping[str, float]
    entropy: float | None
    unique: float | None
    losses: Sequence[float]
    seconds_by_phase: Mapping[str, float]
    changes: Mapping[str, tuple[Any, Any]]

    @property
    def overall(self) -> Metric | None:
        """Return the accuracy over all levels, once it is measured."""
        return self.accuracy.get(ALL_LEVELS)

    def to_json(self) -> dict[str, Any]:
        """Return the round as `sitool rounds --json` prints it."""
        return {
            "round": self.round.id,
            "parent": self.round.parent,
            "status": self.round.status,
            "phase": self.round.phase.value if self.round.phase else None,
            "levels": {str(k): w for k, w in self.round.plan.weights.items()},
            "problems": {str(level): count for level, count in self.levels.items()},
            "sampled": self.sampled,
            "accepted": self.accepted,
            "overruled": self.overruled,
            "accuracy": _figures(self.accuracy),
            "accuracy_all": _figure(self.overall) if self.overall else None,
            "accuracy_flexible": _figures(self.flexible),
            "pass_at_k": {str(k): _figures(by_level) for k, by_level in self.pass_at_k.items()},
            "success": _figures(self.success),
            "shares": dict(self.shares),
            "entropy": self.entropy,
            "unique": self.unique,
            "loss": list(self.losses),
            "seconds": round(self.round.seconds, 3),
            "seconds_by_phase": dict(self.seconds_by_phase),
            "redo_of": self.round.redo_of,
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """A study in numbers, at one moment.

    Attributes:
        head: The round that the next one starts from; None before round 0 is done.
        open: The round under way, if any.
        settings: Of the round that starts next.
    """

    folder: str
    head: int | None
    open: int | None
    settings: Settings
    rounds: Sequence[RoundSummary]

    def round(self, round_id: int) -> RoundSummary:
        """Return one round's numbers."""
        return next(r for r in self.rounds if r.round.id == round_id)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two rounds on the same held-out problems.

    Attributes:
        difference: Accuracy of the second minus that of the first, by level (0 is
            all), with a paired bootstrap interval over problems.
        gained: Ids of (first, second) greedy samples of problems newly solved.
        lost: The same of problems no longer solved.
    """

    first: RoundSummary
    second: RoundSummary
    difference: Mapping[int, Accuracy]
    gained: Sequence[tuple[int, int]]
    lost: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do next.

    Attributes:
        text: One sentence, without keys or commands: those are the front end's.
        move: `step`, `easier` or `look`.
    """

    text: str
    move: str


def summarise(store: Store) -> Summary:
    """Fold a whole study."""
    open_round = store.tree.open_round()
    rounds = store.tree.rounds()
    by_id = {r.id: r for r in rounds}
    return Summary(
        str(store.folder),
        store.tree.head,
        open_round.id if open_round else None,
        store.tree.next_settings,
        [summarise_round(store, r, by_id.get(r.parent or 0)) for r in rounds],
    )


def summarise_round(store: Store, round_: Round, parent: Round | None) -> RoundSummary:
    """Fold one round."""
    named = store.metrics.by_name(round_.id)
    counts = store.samples.counts(round_.id)
    return RoundSummary(
        round=round_,
        levels={k: n for k, n in round_.plan.problems.items() if n},
        sampled=counts.sampled,
        accepted=counts.selected,
        overruled=counts.overruled,
        accuracy=named.get("accuracy", {}),
        flexible=named.get("accuracy_flexible", {}),
        pass_at_k={
            int(name.removeprefix("pass@")): by_level
            for name, by_level in named.items()
            if name.startswith("pass@")
        },
        success=named.get("success", {}),
        accepted_by_level={
            level: (int(m.value), m.n or 0) for level, m in named.get("accepted", {}).items()
        },
        shares={
            name.removeprefix("share_"): by_level[ALL_LEVELS].value
            for name, by_level in named.items()
            if name.startswith("share_")
        },
        entropy=_overall(named, "entropy"),
        unique=_overall(named, "unique"),
        losses=[m.value for m in named.get("loss", {}).values()],
        seconds_by_phase={
            name.removeprefix("seconds_"): m[0].value
            for name, m in named.items()
            if name.startswith("seconds_")
        },
        changes=changed_settings(parent.settings, round_.settings) if parent else {},
    )


def compare(store: Store, first: Round, second: Round) -> Comparison:
    """Compare two rounds problem by problem, on the held-out problems that both met."""
    before, after = (_greedy(store, r) for r in (first, second))
    both = [p for p in before if p in after]
    differences = {
        level: metrics.paired_difference(
            [float(before[p].score.passed) for p in problems],
            [float(after[p].score.passed) for p in problems],
            derive_seed(first.settings.seed, "compare", first.id, second.id, level),
        )
        for level, problems in _by_level(before, both).items()
    }
    return Comparison(
        summarise_round(store, first, None),
        summarise_round(store, second, None),
        differences,
        [(before[p].id, after[p].id) for p in both if _turned(before[p], after[p])],
        [(before[p].id, after[p].id) for p in both if _turned(after[p], before[p])],
    )


def advise(summary: Summary) -> Advice:
    """Say in one sentence what the head's round shows, and which move answers it."""
    if summary.head is None:
        return Advice(
            "The base has not been measured yet: step once to see what it can do.", "step"
        )
    here = summary.round(summary.head)
    forgotten = _forgotten(summary, here)
    if forgotten:
        level, then, now = forgotten
        text = f"Level {level} fell from {then:.2f} to {now:.2f} since the base: draw it again."
        return Advice(text, "easier")
    poor = _poor_levels(here)
    if poor:
        level, (accepted, sampled) = max(poor, key=lambda item: item[1][1])
        how_much = "no" if not accepted else "little"
        text = f"Level {level} accepted {accepted:,} of {sampled:,}: {how_much} signal there."
        return Advice(f"{text} Make it easier, or draw more samples of each problem.", "easier")
    return _climb(here)


def advice(summary: Summary) -> str:
    """Say in one sentence what the head's round shows and what to do next."""
    return advise(summary).text


def _poor_levels(here: RoundSummary) -> list[tuple[int, tuple[int, int]]]:
    """Return the levels that were drawn and gave next to nothing to learn from."""
    return [
        (level, (accepted, sampled))
        for level, (accepted, sampled) in here.accepted_by_level.items()
        if level and sampled and accepted <= LITTLE_SIGNAL * sampled
    ]


def _climb(here: RoundSummary) -> Advice:
    solved = [level for level, m in here.accuracy.items() if level and m.value >= 0.5]
    levels = [level for level in here.accuracy if level]
    if not solved:
        text = "No level is solved half of the time: start easier, or with a stronger base."
        return Advice(text, "easier")
    if max(solved) == max(levels):
        text = f"Every level up to {max(levels)} is solved half of the time or more."
        return Advice(text, "look")
    return Advice(
        f"Levels up to {max(solved)} are solved half of the time or more:"
        " step, and let it learn from its own right answers.",
        "step",
    )


def _forgotten(summary: Summary, here: RoundSummary) -> tuple[int, float, float] | None:
    base = summary.rounds[0].accuracy
    drops = [
        (level, base[level].value, m.value)
        for level, m in here.accuracy.items()
        if level and level in base and (m.high or 1) < (base[level].low or 0)
    ]
    return max(drops, key=lambda d: d[1] - d[2], default=None)


def _greedy(store: Store, round_: Round) -> dict[int, Mark]:
    return {mark.problem: mark for mark in store.samples.marks(round_.id, "greedy", "truth")}


def _by_level(marks: Mapping[int, Mark], problems: Sequence[int]) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {ALL_LEVELS: list(problems)} if problems else {}
    for problem in problems:
        groups.setdefault(marks[problem].level, []).append(problem)
    return dict(sorted(groups.items()))


def _turned(before: Mark, after: Mark) -> bool:
    return after.score.passed and not before.score.passed


def _overall(named: Mapping[str, Mapping[int, Metric]], name: str) -> float | None:
    metric = named.get(name, {}).get(ALL_LEVELS)
    return metric.value if metric else None


def _figures(by_level: Mapping[int, Metric]) -> dict[str, dict[str, float | int | None]]:
    return {str(level): _figure(m) for level, m in by_level.items() if level != ALL_LEVELS}


def _figure(metric: Metric) -> dict[str, float | int | None]:
    return {"value": metric.value, "low": metric.low, "high": metric.high, "n": metric.n}
