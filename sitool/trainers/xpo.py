"""RLHF-sharpening with exploration (XPO): pairs of the model's response and the base's.

    sum over pairs of  alpha log pi(y'|x) + ( beta Delta log[pi / pi_base] - Delta r_self )^2,
    y ~ pi_t (the model of the round before),  y' ~ pi_base

The alpha term takes y', the response that the base wrote, and is made small
together with the squared term, so both have a plus. It is the optimism: for
pi = pi_f, the policy that some reward f would make optimal, the mean of
beta log[pi(y') / pi_base(y')] over the base's responses is E_base[f] minus the
value that f promises. Lowering log pi(y') thus prefers rewards that promise more
than the base's own responses show; what they promise is then drawn on-policy and
held against r_self. Taken on y instead, it would push down what the model has just
found. Where the printed algorithm has a minus before the squared term, its proof
has a plus.

A round is one iteration and learns from its own pairs; the pairs of earlier rounds
are not replayed. With alpha = 0 the optimum is pi_base^{1 + 1/beta}, with alpha > 0
it lies off that by an amount that goes to 0 with alpha.

Source: as `pairs.py`; Xie et al. 2024, arXiv 2405.21046.
"""

from dataclasses import replace

from sitool.trainers.base import Pair
from sitool.trainers.pairs import PairTrainer, Term, squared_error


class XpoTrainer(PairTrainer):
    """As `dpo`, on-policy, with a bonus for leaving the base's responses."""

    def term(self, pair: Pair, first: float, second: float) -> Term:
        """Return the squared error plus alpha log pi(y'), and its slopes."""
        alpha = self._settings.alpha_xpo
        squared = squared_error(pair, first, second, self._settings)
        return replace(
            squared,
            loss=squared.loss + alpha * second,
            second_slope=squared.second_slope + alpha,
        )
