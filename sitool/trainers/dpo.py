"""RLHF-sharpening offline: regression on pairs that the base wrote.

    sum over pairs of ( beta Delta log[pi / pi_base] - Delta r_self )^2,   y, y' ~ pi_base

Its optimum is pi_base^{1 + 1/beta} (see `pairs.py`). The theory asks for a margin
between the best responses and the others under the base; `trainer.margin` leaves
out pairs that are closer than that, when pairs are built (`sitool/pairs.py`).
"""

from sitool.trainers.base import Pair
from sitool.trainers.pairs import PairTrainer, Term, squared_error


class DpoTrainer(PairTrainer):
    """Learns how much likelier one response is than another under the sharpened base."""

    def term(self, pair: Pair, first: float, second: float) -> Term:
        """Return the squared error and its slopes."""
        return squared_error(pair, first, second, self._settings)
