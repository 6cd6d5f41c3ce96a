"""Everything that is said of a pool: best-of-N curves, lifts, stops, sharpness, coverage.

A figure that needs log pi_base is of the problems where it is known of every sample;
`left_out` says how many others there are, and why. y*, the answer that the base finds
likeliest, is not known for a language model: the likeliest answer seen stands for it,
so all that is made of it is a proxy.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from sitool import metrics
from sitool.errors import ConfigError
from sitool.lab import sharpening as theory
from sitool.metrics import Accuracy
from sitool.seeds import derive_seed
from sitool.sharpening import curves
from sitool.sharpening.adaptive import stop_adaptively
from sitool.sharpening.figures import Resamples
from sitool.sharpening.pool import Bools, Floats, Pool

BINS = 24
ALIKE = 0.01
"""Nats by which a mean log-probability may fall short of another and count as equal."""
UNKNOWN = "samples whose log-probability under the base is not known"


@dataclass(frozen=True, slots=True)
class Targets:
    """What the theory is asked for.

    Attributes:
        delta: A policy is sharp on a prompt where it gives y* at least 1 - delta; below 1/2.
        epsilon: Share of prompts on which it need not be sharp.
        rho: Chance of failure.
        class_size: |Pi|, how many models there are to learn: a convention.
        constant: In front of the theorems' n and N, which they leave open.
    """

    delta: float = 0.1
    epsilon: float = 0.1
    rho: float = 0.1
    class_size: float = 1e4
    constant: float = 1.0


def check_targets(targets: Targets) -> None:
    """Make sure that the formulas have a value.

    Raises:
        ConfigError: A target is out of its bounds.
    """
    for name, most in (("delta", 0.5), ("epsilon", 1.0), ("rho", 1.0)):
        value = getattr(targets, name)
        if not 0 < value < most:
            raise ConfigError(f"{name} is {value:g}: it must be above 0 and below {most:g}.")
    if not 1 <= targets.class_size < math.inf:
        raise ConfigError(f"class_size is {targets.class_size:g}: it must be at least 1.")
    if not 0 < targets.constant < math.inf:
        raise ConfigError(f"constant is {targets.constant:g}: it must be above 0.")


@dataclass(frozen=True, slots=True)
class Point:
    """The best of N by one self-reward.

    Attributes:
        accuracy: Of the chosen sample.
        lift: Of the accuracy over greedy, in percent; None where greedy is never right.
        logprob: Of the chosen sample under the base, in nats; None: not known.
        logprob_lift: Over greedy, in percent of its size; None: not known.
    """

    n: int
    accuracy: Accuracy
    lift: Accuracy | None
    logprob: Accuracy | None
    logprob_lift: Accuracy | None


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Adaptive best-of-N on the pool.

    Attributes:
        mu: Of the rule, ln(2 / delta).
        drawn: Samples until the stop, on average.
        accuracy: Of the chosen samples.
        logprob: Of the chosen samples under the base, in nats.
        stopped: Share of problems that the rule stopped, and not the pool's end.
        equal_n: The least fixed N whose best sample is as likely on average, to within
            `ALIKE` nats; between whole numbers where both neighbours are not.
        saved: Share of its samples that the rule saves; below 0 it costs more.
    """

    mu: float
    drawn: Accuracy
    accuracy: Accuracy
    logprob: Accuracy
    stopped: float
    equal_n: float
    saved: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """How likely the base finds right and wrong samples.

    Attributes:
        edges: Of the bins, in nats, one more than there are bins.
        right, wrong: Samples in each bin.
        mean_right, mean_wrong: In nats; None where there is no such sample.
    """

    edges: Sequence[float]
    right: Sequence[int]
    wrong: Sequence[int]
    mean_right: float | None
    mean_wrong: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the theorems would ask for, up to their constants, with proxies for C_cov and y*.

    Attributes:
        best_of_n: The N that meets y* with probability 1 - rho, on the median prompt
            and on the one harder than nine of ten.
        prompts: n of SFT-sharpening.
        samples: N of SFT-sharpening.
        adaptive: The bound on the adaptive rule's mean number of samples.
    """

    best_of_n: float
    best_of_n_hard: float
    prompts: float
    samples: float
    adaptive: float


@dataclass(frozen=True, slots=True)
class SharpeningReport:
    """What choosing by its own likelihood would bring a round's model, and how sharp it is.

    Attributes:
        problems: In the pool.
        samples: Of each problem.
        left_out: Problems, by why they are not in the pool or not in a part of it.
        cut_off: Share of samples without an end; they are chosen last.
        greedy_accuracy: Of the greedy answers.
        greedy_logprob: Under the base, in nats; None: not known.
        best_of_n: Points by self-reward: likelihood, likelihood_per_token, majority.
        pass_at_k: By k: the skyline, which looks at the truth.
        sharpened: Share of problems on which the model gives y* at least 1 - delta; None:
            log-probabilities are not known. A proxy.
        coverage: The mean of 1 / pi_base(y*); None: not known. A proxy.
        coverage_median: The median of it.
    """

    round: int
    level: int | None
    targets: Targets
    problems: int
    samples: int
    left_out: Mapping[str, int]
    cut_off: float
    greedy_accuracy: Accuracy
    greedy_logprob: Accuracy | None
    best_of_n: Mapping[str, Sequence[Point]]
    pass_at_k: Mapping[int, Accuracy]
    adaptive: Adaptive | None
    sharpened: Accuracy | None
    coverage: Accuracy | None
    coverage_median: float | None
    histogram: Histogram | None
    asked: Asked | None

    def to_json(self) -> dict[str, Any]:
        """Return it as `sitool sharpen --json` prints it; what has no bound is null."""
        plain: dict[str, Any] = _finite(asdict(self))
        return plain


def make_report(
    pool: Pool,
    round_id: int,
    left_out: Mapping[str, int],
    targets: Targets,
    seed: int,
    level: int | None = None,
) -> SharpeningReport:
    """Measure a pool.

    Args:
        left_out: Problems that are not in the pool, by why.
        seed: Of subsets and resamples.
    """
    resamples = Resamples.draw(pool.problems, seed)
    known = View.of(pool, resamples, pool.has_logprobs)
    seen = View.of(pool, resamples, np.isfinite(pool.best_logprobs))
    greedy = View.of(pool, resamples, np.isfinite(pool.greedy_logprobs))
    missing = pool.problems - known.pool.problems
    inverse = np.exp(-seen.pool.best_logprobs)
    return SharpeningReport(
        round=round_id,
        level=level,
        targets=targets,
        problems=pool.problems,
        samples=pool.samples,
        left_out={**left_out, **({UNKNOWN: missing} if missing else {})},
        cut_off=1 - float(pool.ended.mean()),
        greedy_accuracy=metrics.wilson(int(pool.greedy_right.sum()), pool.problems),
        greedy_logprob=greedy.resamples.mean(greedy.pool.greedy_logprobs) if greedy else None,
        best_of_n=dict(_curves(View(pool, resamples), known, seed)),
        pass_at_k=_pass_at_k(pool, seed),
        adaptive=_adaptive(known, targets) if known else None,
        sharpened=_sharpened(seen.pool, targets.delta),
        coverage=seen.resamples.mean(inverse) if seen else None,
        coverage_median=float(np.median(inverse)) if seen else None,
        histogram=_histogram(known.pool) if known else None,
        asked=_asked(inverse, targets) if seen else None,
    )


@dataclass(frozen=True, slots=True)
class View:
    """Some of a pool's problems, and their resamples; false without a problem."""

    pool: Pool
    resamples: Resamples

    @classmethod
    def of(cls, pool: Pool, resamples: Resamples, kept: Bools) -> Self:
        """Return the view of these problems."""
        return cls(pool.where(kept), resamples.within(kept))

    def __bool__(self) -> bool:
        return self.pool.problems > 0


def _curves(view: View, known: View, seed: int) -> Iterator[tuple[str, list[Point]]]:
    pool, sizes = view.pool, curves.sizes_up_to(view.pool.samples)
    if known:
        for name, reward in (
            ("likelihood", known.pool.likely),
            ("likelihood_per_token", known.pool.likely_per_token),
        ):
            right = curves.best_of_n(reward, known.pool.right, sizes)
            logprob = curves.best_of_n(reward, known.pool.logprobs, sizes)
            yield name, _points(sizes, right, logprob, known)
    worth = [pool.right, pool.logprobs]
    right, logprob = curves.majority_of_n(pool.answers, worth, sizes, seed)
    yield "majority", _points(sizes, right, logprob, view)


def _points(sizes: Sequence[int], right: Floats, logprob: Floats, view: View) -> list[Point]:
    """Make the points of a curve from expected worths, each [problems, sizes]."""
    clear: Bools = np.asarray(np.isfinite(logprob).all(axis=1))
    told = View.of(view.pool, view.resamples, clear)
    both: Bools = np.asarray(clear & np.isfinite(view.pool.greedy_logprobs))
    beside = View.of(view.pool, view.resamples, both)
    greedy = beside.pool.greedy_logprobs
    return [
        Point(
            size,
            view.resamples.share(right[:, i]),
            view.resamples.percent_lift(right[:, i], view.pool.greedy_right),
            told.resamples.mean(logprob[clear, i]) if told else None,
            beside.resamples.percent_lift(logprob[both, i], greedy) if beside else None,
        )
        for i, size in enumerate(sizes)
    ]


def _pass_at_k(pool: Pool, seed: int) -> dict[int, Accuracy]:
    passed = pool.right.sum(axis=1)
    return {
        k: metrics.mean_pass_at_k(pool.samples, passed, k, derive_seed(seed, "pass", k))
        for k in curves.sizes_up_to(pool.samples)
    }


def _adaptive(view: View, targets: Targets) -> Adaptive:
    pool, mu = view.pool, float(theory.stopping_constant(targets.delta))
    stops = stop_adaptively(pool.likely, mu)
    rows = np.arange(pool.problems)
    logprob, right = (table[rows, stops.chosen] for table in (pool.logprobs, pool.right))
    equal_n = _equal_n(pool, float(logprob.mean()))
    return Adaptive(
        mu,
        view.resamples.mean(stops.drawn.astype(np.float64)),
        view.resamples.share(right),
        view.resamples.mean(logprob),
        float(stops.stopped.mean()),
        equal_n,
        1 - float(stops.drawn.mean()) / equal_n,
    )


def _equal_n(pool: Pool, logprob: float) -> float:
    """Return the least fixed N whose best sample is as likely on average, within `ALIKE` nats."""
    sizes = np.arange(1, pool.samples + 1)
    fixed = curves.best_of_n(pool.likely, pool.logprobs, sizes.tolist()).mean(axis=0)
    # Where samples were cut off a larger N may choose a less likely one.
    return float(np.interp(logprob - ALIKE, np.maximum.accumulate(fixed), sizes))


def _sharpened(seen: Pool, delta: float) -> Accuracy | None:
    """Estimate P_x[pi(y*|x) >= 1 - delta] with the likeliest answer seen for y*.

    An answer with more than half of the probability is the greedy one, so for
    delta < 1/2 the greedy answer and its probability decide.
    """
    known = seen.where(np.isfinite(seen.greedy_own))
    if not known.problems:
        return None
    sharp = known.greedy_is_best & (known.greedy_own >= math.log(1 - delta))
    return metrics.wilson(int(sharp.sum()), known.problems)


def _histogram(pool: Pool) -> Histogram:
    right = pool.right.astype(np.bool_)
    low, high = float(pool.logprobs.min()), float(pool.logprobs.max())
    # A range of next to nothing could not be cut up.
    edges = np.linspace(low, max(high, low + 1e-3), BINS + 1)
    sides = [pool.logprobs[right], pool.logprobs[~right]]
    counts = [np.histogram(side, edges)[0].tolist() for side in sides]
    means = [float(side.mean()) if side.size else None for side in sides]
    return Histogram(edges.tolist(), counts[0], counts[1], means[0], means[1])


def _asked(inverse: Floats, targets: Targets) -> Asked:
    """Ask the theorems, with 1 / pi_base of the likeliest answer seen, [problems], at least 1."""
    inverse = np.maximum(inverse, 1.0)  # A sum of rounded logarithms may pass 0.
    t = targets
    middle, hard = theory.responses_to_reach(1 / np.quantile(inverse, [0.5, 0.9]), t.rho)
    prompts = theory.sft_prompts(t.class_size, t.rho, t.delta, t.epsilon, t.constant)
    responses = theory.sft_responses(inverse.mean(), t.delta, t.epsilon, t.constant)
    draws = theory.adaptive_draws_bound(theory.stopping_constant(t.delta), 1 / inverse)
    return Asked(float(middle), float(hard), float(prompts), float(responses), float(draws.mean()))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
