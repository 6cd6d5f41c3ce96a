"""The gap report of some rounds as a tree of records, and its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sitool.gap.agreement import Correlation
from sitool.gap.figures import Figures, figure_json
from sitool.gap.judged import FilterGap, Judged, Paired
from sitool.gap.saturation import Saturation, Trend
from sitool.gap.updates import Update
from sitool.metrics import Accuracy
from sitool.store import round_label


@dataclass(frozen=True, slots=True)
class RoundGap:
    """One round: its model generates, and verifiers tell good samples from bad ones.

    Attributes:
        samples: Whose truth is known.
        unknown: Samples left out of everything, since the truth failed on them.
        accuracy: J(f), strict, over all problems.
        flexible: The same with the answer found anywhere.
        judges: By verifier.
        ensembles: What was asked for with `+`, by name.
        pairs: Every two verifiers together, by name such as `mc+majority`.
        correlations: The upper triangle of the Pearson matrix, the truth among them.
        unique: Different answers among a problem's samples, on average.
        entropy: Of a problem's answers, in nats; None where no answer was read at all.
    """

    round: int
    parent: int | None
    problems: int
    samples: int
    unknown: int
    accuracy: Accuracy
    flexible: Accuracy
    judges: Mapping[str, Judged]
    ensembles: Mapping[str, FilterGap]
    pairs: Mapping[str, Paired]
    correlations: tuple[Correlation, ...]
    pass_at_k: Mapping[int, Accuracy]
    unique: Accuracy
    entropy: Accuracy | None

    @property
    def label(self) -> str:
        """Return its name on screens, such as `r0003`."""
        return round_label(self.round)

    @property
    def gaps(self) -> dict[str, FilterGap]:
        """Everything that was asked for: single verifiers, then ensembles, by name."""
        return {name: judged.gap for name, judged in self.judges.items()} | dict(self.ensembles)

    def headline(self) -> dict[str, Any]:
        """Return the gap and the relative gap by verifier, and pass@k, for JSON."""
        strict: dict[str, Figures] = {name: gap.strict for name, gap in self.gaps.items()}
        return {
            "gap": {name: figure_json(f.gap) for name, f in strict.items()},
            "relative_gap": {name: figure_json(f.relative_gap) for name, f in strict.items()},
            "pass_at_k": {str(k): figure_json(figure) for k, figure in self.pass_at_k.items()},
        }

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        return {
            "round": self.round,
            "parent": self.parent,
            "problems": self.problems,
            "samples": self.samples,
            "unknown": self.unknown,
            "accuracy": figure_json(self.accuracy),
            "accuracy_flexible": figure_json(self.flexible),
            **self.headline(),
            "judges": {name: judged.to_json() for name, judged in self.judges.items()},
            "ensembles": {name: gap.to_json() for name, gap in self.ensembles.items()},
            "pairs": {name: pair.to_json() for name, pair in self.pairs.items()},
            "correlations": [one.to_json() for one in self.correlations],
            "unique": figure_json(self.unique),
            "entropy": figure_json(self.entropy),
        }


@dataclass(frozen=True, slots=True)
class CrossTable:
    """Who can judge whom: the strict gap by the round that wrote and the model that judged.

    Attributes:
        judge: The verifier's name without its model, such as `mc`.
        generators: Rounds that wrote the samples: rows.
        models: Models that judged them, `base` or such as `r0003`: columns.
        gaps: By (generator, model); a pair that was not measured is not there.
    """

    judge: str
    generators: tuple[int, ...]
    models: tuple[str, ...]
    gaps: Mapping[tuple[int, str], Accuracy]

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it."""
        rows = [
            {"generator": generator, "verifier": model, "gap": figure_json(gap)}
            for (generator, model), gap in self.gaps.items()
        ]
        return {"judge": self.judge, "cells": rows}


@dataclass(frozen=True, slots=True)
class GapReport:
    """The generation-verification gap of some rounds of a study.

    Attributes:
        rounds: In order; at least one.
        updates: Every round with its child, if both are here, by verifier.
        trend: Of the last round against earlier ones; None with a single round.
        notes: What is missing and how to get it, one sentence each.
    """

    rounds: tuple[RoundGap, ...]
    updates: tuple[Update, ...]
    cross: tuple[CrossTable, ...]
    trend: Trend | None
    saturation: tuple[Saturation, ...]
    notes: tuple[str, ...]

    def round(self, number: int) -> RoundGap:
        """Return one round's part."""
        return next(r for r in self.rounds if r.round == number)

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool gap --json` prints it: the last round's headline, then all."""
        return {
            "round": self.rounds[-1].round,
            **self.rounds[-1].headline(),
            "rounds": [r.to_json() for r in self.rounds],
            "updates": [update.to_json() for update in self.updates],
            "cross": [table.to_json() for table in self.cross],
            "trend": None if self.trend is None else self.trend.to_json(),
            "saturation": [one.to_json() for one in self.saturation],
            "notes": list(self.notes),
        }
