"""The stopping rule against a plain loop, against its law and against its bound."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitool import lab
from sitool.sharpening.adaptive import stop_adaptively

rows = st.lists(
    st.floats(-12, -0.001) | st.just(-math.inf) | st.just(-1.0), min_size=1, max_size=20
)


def by_the_rule(likely: list[float], mu: float) -> tuple[int, int, bool]:
    """Run MATHS' rule, a sample at a time: (drawn, chosen, stopped by the rule)."""
    best = 0
    for drawn, value in enumerate(likely, start=1):
        if value > likely[best]:
            best = drawn - 1
        if likely[best] > -math.inf and 1 / math.exp(likely[best]) <= drawn / mu:
            return drawn, best, True
    return len(likely), best, False


@given(rows, st.floats(0.05, 20))
def test_it_stops_where_a_plain_loop_does(likely: list[float], mu: float) -> None:
    stops = stop_adaptively(np.array([likely]), mu)
    drawn, chosen, stopped = by_the_rule(likely, mu)
    assert (stops.drawn[0], stops.chosen[0], stops.stopped[0]) == (drawn, chosen, stopped)


def test_problems_stop_each_for_itself() -> None:
    likely = np.array([[-0.1, -0.1, -0.1, -0.1], [-5.0, -4.0, -4.0, -6.0]])
    stops = stop_adaptively(likely, float(lab.stopping_constant(0.5)))
    assert stops.drawn.tolist() == [2, 4]
    assert stops.chosen.tolist() == [0, 1]
    assert stops.stopped.tolist() == [True, False]


@pytest.mark.parametrize("law", [[0.5, 0.3, 0.2], [0.25, 0.25, 0.25, 0.25], [0.9, 0.1]])
@pytest.mark.parametrize("delta", [0.05, 0.5])
def test_on_a_finite_law_it_costs_no_more_than_its_bound(law: list[float], delta: float) -> None:
    mu, top = float(lab.stopping_constant(delta)), max(law)
    best = sum(p == top for p in law)
    rng = np.random.default_rng(0)
    pool = 20 * math.ceil(mu / min(law))
    likely = np.log(rng.choice(law, p=law, size=(20_000, pool)))
    stops = stop_adaptively(likely, mu)
    assert stops.stopped.all()
    # What happens to fewer than 4 in 20,000 may not happen at all.
    error = 4 * stops.drawn.std() / math.sqrt(len(likely)) + 4 / len(likely)
    assert stops.drawn.mean() <= lab.adaptive_draws_bound(mu, top, best) + error
    exact = lab.adaptive_best_of_n(lab.TabularPolicy([1.0], [law], [[1.0] * len(law)]), mu)
    assert stops.drawn.mean() == pytest.approx(exact.expected_draws[0], abs=error)
    missed = (np.take_along_axis(likely, stops.chosen[:, None], 1)[:, 0] < math.log(top)).mean()
    assert missed <= delta
