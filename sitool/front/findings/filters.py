"""The filter that a person turns by keys: a rule, and how much of it."""

from dataclasses import dataclass
from typing import Self

OWN = ""
AMOUNTS: dict[str, tuple[float, ...]] = {
    OWN: (),
    "threshold": tuple(step / 20 for step in range(1, 20)),
    "quantile": (0.0625, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875),
    "best_of_n": (),
}
FIRST = {"threshold": 0.5, "quantile": 0.25}


@dataclass(frozen=True, slots=True)
class Turned:
    """A rule for all judges, or for each the one that suits its scale.

    Attributes:
        rule: A key of `AMOUNTS`; "" is each judge's own.
        amount: The least score, or the share of each problem's samples.
    """

    rule: str = OWN
    amount: float = 0.0

    @property
    def filters(self) -> tuple[str, ...]:
        """Return it as `Study.gap` takes it.

        >>> Turned("quantile", 0.25).filters, Turned("best_of_n").filters, Turned().filters
        (('quantile:0.25',), ('best_of_n',), ())
        """
        if not self.rule:
            return ()
        return (f"{self.rule}:{self.amount:g}" if AMOUNTS[self.rule] else self.rule,)

    def next_rule(self) -> Self:
        """Return the next rule, with the amount that it begins with."""
        rules = list(AMOUNTS)
        rule = rules[(rules.index(self.rule) + 1) % len(rules)]
        return type(self)(rule, FIRST.get(rule, 0.0))

    def turned(self, places: int) -> Self | None:
        """Return it with more or less of it; None if there is no further, or nothing to turn.

        >>> Turned("quantile", 0.875).turned(1)
        """
        amounts = AMOUNTS[self.rule]
        place = amounts.index(self.amount) + places if amounts else -1
        return type(self)(self.rule, amounts[place]) if 0 <= place < len(amounts) else None

    def words(self) -> str:
        """Say in a few words what it keeps."""
        return {
            OWN: "each judge's own filter",
            "threshold": f"scores of at least {self.amount:g}",
            "quantile": f"the best {self.amount:.3g} of each problem's samples",
            "best_of_n": "the one best sample of each problem",
        }[self.rule]

    def why_not(self) -> str:
        """Say why nothing is turned."""
        if AMOUNTS[self.rule]:
            return f"It cannot go any further than {self.amount:g}."
        if self.rule:
            return "Best of N has no amount: f goes on to another filter."
        return "Each judge has its own filter now: f chooses a threshold or a share first."
