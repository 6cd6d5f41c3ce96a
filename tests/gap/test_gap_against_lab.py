"""The gap report against the tabular laboratory, which knows nothing of it.

A pool is itself a policy: each problem is a prompt, and each of its samples a
response that is as likely as any other. So the laboratory's exact figures for that
policy are what the report has to show, to the last rounding.
"""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pools import Drawing, Drawn, drawings, make_pool, untimed

from sitool import lab
from sitool.gap.assembly import Generation, Question, assemble
from sitool.gap.diversity import measure_diversity
from sitool.gap.filters import Ensemble, Filter
from sitool.gap.judged import measure_ensemble
from sitool.gap.resampling import Bootstrap
from sitool.gap.updates import measure_update

Table = np.ndarray


def policy_of(drawing: Drawing) -> lab.TabularPolicy:
    """Write a pool as a policy; short rows are filled with responses of probability 0."""
    shape = (len(drawing), max(map(len, drawing)))
    probabilities, utility = np.zeros(shape), np.zeros(shape)
    for x, problem in enumerate(drawing):
        probabilities[x, : len(problem)] = 1 / len(problem)
        utility[x, : len(problem)] = [s.right for s in problem]
    return lab.TabularPolicy(np.full(shape[0], 1 / shape[0]), probabilities, utility)


def scores_of(drawing: Drawing, verifier: str) -> tuple[Table, Table]:
    """Return the scores [X, Y], and where there are any."""
    shape = (len(drawing), max(map(len, drawing)))
    scores, scored = np.full(shape, -1.0), np.zeros(shape)
    for x, problem in enumerate(drawing):
        for y, s in enumerate(problem):
            said = s.said[verifier]
            if isinstance(said, float):
                scores[x, y], scored[x, y] = said, 1.0
    return scores, scored


def weights_in_lab(drawing: Drawing, kind: Filter, verifiers: Sequence[str]) -> Table:
    """Make the weights of an AND by the laboratory's rules: their product."""
    policy, product = policy_of(drawing), np.ones(1)
    every = np.multiply.reduce([scores_of(drawing, name)[1] for name in verifiers])
    for name in verifiers:
        scores = np.where(every > 0, scores_of(drawing, name)[0], -1.0)
        if kind.rule == "threshold":
            weights = lab.threshold_weights(scores, kind.amount)
        elif kind.rule == "quantile":
            weights = lab.quantile_weights(policy, scores, kind.amount)
        else:
            weights = lab.exponential_weights(scores, kind.amount)
        product = product * weights * every
    return product


KINDS = st.sampled_from(
    ["threshold:0.5", "threshold:0", "quantile:0.25", "quantile:0.5", "exponential:0.5"]
)


@untimed
@given(drawings, KINDS, st.sampled_from([("mc",), ("cot",), ("mc", "cot")]))
def test_both_gaps_are_those_of_the_pool_as_a_policy(
    drawing: Drawing, text: str, verifiers: tuple[str, ...]
) -> None:
    kind, policy = Filter.parse(text), policy_of(drawing)
    weights = weights_in_lab(drawing, kind, verifiers)
    exact = lab.relative_gap(policy, weights, ceiling=1.0)
    ensemble = Ensemble(tuple((name, kind) for name in verifiers))
    found = measure_ensemble(make_pool(drawing), ensemble, Bootstrap(len(drawing), 0))
    assert found is not None
    assert found.strict.accuracy.value == pytest.approx(float(lab.accuracy(policy)))
    assert found.strict.gap.value == pytest.approx(lab.gap(policy, weights), abs=1e-12)
    assert found.empty == lab.reweight(policy, weights).without_survivor
    assert found.strict.all_right == exact.dropped
    if found.strict.relative_gap is None:
        assert math.isnan(exact.value)
    else:
        assert found.strict.relative_gap.value == pytest.approx(exact.value, abs=1e-9)


def drawn_pool(
    policy: lab.TabularPolicy, scores: Table, each: int, rng: np.random.Generator
) -> list[list[Drawn]]:
    """Draw samples of every prompt from a policy."""
    prompts = np.arange(policy.shape[0])
    return [
        [
            Drawn(bool(policy.utility[x, y]), {"mc": float(scores[x, y])}, answer=int(y))
            for y in responses
        ]
        for x, responses in zip(prompts, lab.draw(policy, prompts, each, rng), strict=True)
    ]


def a_policy(prompts: int, rng: np.random.Generator) -> tuple[lab.TabularPolicy, Table]:
    """Make a random policy of 5 responses, and scores that know something of the truth."""
    probabilities = rng.dirichlet(np.full(5, 0.7), prompts)
    utility = (rng.random((prompts, 5)) < 0.4).astype(float)
    scores = np.clip(rng.normal(0.4 + 0.2 * utility, 0.2), 0.0, 1.0)
    return lab.TabularPolicy(np.full(prompts, 1 / prompts), probabilities, utility), scores


@pytest.mark.parametrize("text", ["threshold:0.5", "exponential:0.2"])
def test_the_report_of_many_samples_comes_to_the_gap_of_the_policy(text: str) -> None:
    """With 400 samples of each of 60 prompts what is left of chance is below .01."""
    rng = np.random.default_rng(2)
    policy, scores = a_policy(60, rng)
    drawing = drawn_pool(policy, scores, 400, rng)
    kind = Filter.parse(text)
    report = assemble(
        [Generation(0, None, make_pool(drawing))], Question(("mc",), {"": kind}, seed=1)
    )
    weights = (
        lab.threshold_weights(scores, kind.amount)
        if kind.rule == "threshold"
        else lab.exponential_weights(scores, kind.amount)
    )
    figures = report.rounds[0].judges["mc"].gap.strict
    assert figures.accuracy.value == pytest.approx(float(lab.accuracy(policy)), abs=0.01)
    assert figures.gap.value == pytest.approx(lab.gap(policy, weights), abs=0.01)
    for k, figure in report.rounds[0].pass_at_k.items():
        assert figure.value == pytest.approx(float(lab.pass_at_k(policy, k)), abs=0.01)


def test_pass_at_k_of_small_pools_is_right_on_average() -> None:
    """The unbiased estimate from 8 samples, over 200 pools, against the policy's own pass@k."""
    rng = np.random.default_rng(3)
    policy, scores = a_policy(40, rng)
    seen: dict[int, list[float]] = {1: [], 4: [], 8: []}
    for _ in range(200):
        found = measure_diversity(make_pool(drawn_pool(policy, scores, 8, rng))).pass_at_k
        for k, values in seen.items():
            values.append(float(found[k].mean()))
    for k, values in seen.items():
        error = float(np.std(values)) / len(values) ** 0.5
        assert np.mean(values) == pytest.approx(float(lab.pass_at_k(policy, k)), abs=4 * error)


def test_an_update_to_the_reweighted_policy_itself_misses_nothing() -> None:
    """Training that lands on f[w] improves J by exactly the gap: eps_update is 0."""
    rng = np.random.default_rng(4)
    policy, scores = a_policy(30, rng)
    target = lab.reweight(policy, lab.threshold_weights(scores, 0.5)).policy
    before, after = lab.accuracy_by_prompt(policy), lab.accuracy_by_prompt(target)
    found = measure_update(before, after, after, seed=0)
    assert found is not None
    exact = lab.gap(policy, lab.threshold_weights(scores, 0.5))
    assert found.improvement.value == pytest.approx(exact)
    assert (found.missed.value, found.eps_update.value) == (0, 0)
