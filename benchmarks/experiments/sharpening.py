"""What the base's own likelihood is worth as a reward: the rows of experiments (d), (e) and (f)."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from benchmarks.experiments.runs import Condition, Run
from benchmarks.experiments.tables import Measure, Row, matched, minus, of, said, written

LAST = -1
"""The round that a study ended with."""

REWARDS = ("likelihood", "likelihood_per_token", "majority")
SIZES = ("1", "4", "16", "64")


def best_of(reward: str, size: str, figure: str, number: int = 0) -> Measure:
    """Return what reads the best of N off a round: its `accuracy` or its `logprob`."""
    return lambda run: float(run.rounds[number]["best_of_n"][reward][size][figure])


def flat(figure: str, number: int = 0) -> Measure:
    """Return what reads such a figure as `greedy_accuracy` off a round."""
    return lambda run: float(run.rounds[number][figure])


def lift(reward: str, size: str) -> Measure:
    """Return what reads the lift over greedy in accuracy off the base, in percent."""
    greedy, best = flat("greedy_accuracy"), best_of(reward, size, "accuracy")
    return lambda run: 100 * (best(run) - greedy(run)) / greedy(run)


def skyline(size: str) -> Measure:
    """Return what reads pass@N off the base."""
    return lambda run: float(run.rounds[0]["pass_at_k"][size])


def names_of(runs: Sequence[Run]) -> list[str]:
    """Return the conditions of some runs, in their order."""
    return list(dict.fromkeys(run.condition.name for run in runs))


def sizes_of(runs: Sequence[Run]) -> list[str]:
    """Return N of the columns, as far as the curves have them."""
    return [size for size in SIZES if size in runs[0].rounds[0]["best_of_n"]["majority"]]


def curve_rows(runs: Sequence[Run]) -> Iterator[Row]:
    """Yield the accuracy of the best of N by reward, beside greedy and pass@N."""
    sizes = sizes_of(runs)
    most = sizes[-1]
    yield [
        *("task", "seeds", "chosen by", *(f"N = {size}" for size in sizes), "greedy"),
        *(f"lift over greedy at N = {most}", f"log p under the base at N = {most} - greedy's"),
    ]
    for task in names_of(runs):
        here = of(runs, task)
        greedy = said(here, flat("greedy_accuracy"))
        for reward in REWARDS:
            cells = [said(here, best_of(reward, size, "accuracy")) for size in sizes]
            logprob = minus(best_of(reward, most, "logprob"), flat("greedy_logprob"))
            lifted = f"{said(here, lift(reward, most), '+.1f')} %"
            head = [task, str(len(here)), reward]
            yield [*head, *cells, greedy, lifted, said(here, logprob, "+.2f")]
        cells = [said(here, skyline(size)) for size in sizes]
        yield [task, str(len(here)), "truth (pass@N)", *cells, greedy, "", ""]


def sharpened_rows(runs: Sequence[Run]) -> Iterator[Row]:
    """Yield the base, best-of-N without training, and every round of each objective."""
    yield [
        *("model", "samples drawn", "seeds", "log p of a sample under the base", "- base"),
        *("accuracy of a sample", "- base", "greedy accuracy", "- base", "sharpened share (proxy)"),
    ]
    names = names_of(runs)
    yield from _base_rows(of(runs, names[0]))
    for name in names:
        for number in range(1, of(runs, name)[0].condition.rounds + 1):
            yield _sharpened_row(of(runs, name), name, number)
    for first, second in combinations(names, 2):
        if pairs := matched(runs, first, second):
            yield _difference_row(f"{first} - {second}, at the end", pairs)


def _base_rows(runs: Sequence[Run]) -> Iterator[Row]:
    most = list(runs[0].rounds[0]["best_of_n"]["majority"])[-1]
    before = [said(runs, measure) for measure in sampled(0)]
    share = said(runs, flat("sharpened"), ".2f")
    log_p, accuracy, greedy = before
    yield ["base", "", str(len(runs)), log_p, "", accuracy, "", greedy, "", share]
    cells = []
    for figure, single in zip(("logprob", "accuracy"), sampled(0)[:2], strict=True):
        best = best_of("likelihood", most, figure)
        cells += [said(runs, best), said(runs, minus(best, single), "+.3f")]
    yield [f"base, likeliest of {most}", "", str(len(runs)), *cells, "", "", ""]


def sampled(number: int) -> tuple[Measure, Measure, Measure]:
    """Return what reads a sample's log p, its accuracy, and the greedy accuracy off a round."""
    return (
        best_of("likelihood", "1", "logprob", number),
        best_of("likelihood", "1", "accuracy", number),
        flat("greedy_accuracy", number),
    )


def _sharpened_row(runs: Sequence[Run], name: str, number: int) -> Row:
    cells = []
    for after, before in zip(sampled(number), sampled(0), strict=True):
        cells += [said(runs, after), said(runs, minus(after, before), "+.3f")]
    drawn = f"{samples_drawn(runs[0].condition, number):,}"
    share = said(runs, flat("sharpened", number), ".2f")
    return [f"{name}, round {number}", drawn, str(len(runs)), *cells, share]


def samples_drawn(condition: Condition, number: int) -> int:
    """Return how many training samples the first rounds drew; xpo draws as many of the base."""
    given = dict(option.split("=", 1) for option in condition.options)
    pools = 2 if given.get("trainer.name") == "xpo" else 1
    return number * int(given["draw.problems"]) * int(given["draw.samples"]) * pools


def _difference_row(title: str, pairs: Sequence[tuple[Run, Run]]) -> Row:
    cells = []
    for measure in sampled(LAST):
        cells += [written([measure(one) - measure(other) for one, other in pairs], "+.3f"), ""]
    return [title, "", str(len(pairs)), *cells, ""]


def adaptive_rows(runs: Sequence[Run]) -> Iterator[Row]:
    """Yield the adaptive rule beside the fixed N whose best sample is as likely."""
    yield [
        *("task", "delta", "seeds", "samples drawn a problem", "fixed N of equal log p"),
        *("samples saved", "stopped by the rule", "accuracy", "- fixed N's accuracy"),
    ]
    for task in names_of(runs):
        here = of(runs, task)
        for delta in here[0].rounds[0]["adaptive"]:
            yield _adaptive_row(here, task, delta)


def _adaptive_row(runs: Sequence[Run], task: str, delta: str) -> Row:
    def read(key: str) -> Measure:
        return lambda run: float(run.rounds[0]["adaptive"][delta][key])

    def saved(run: Run) -> float:
        return 100 * read("saved")(run)

    difference = minus(read("accuracy"), lambda run: accuracy_at(run, read("equal_n")(run)))
    return [
        *(task, delta, str(len(runs)), said(runs, read("drawn"), ".1f")),
        *(said(runs, read("equal_n"), ".1f"), f"{said(runs, saved, '+.0f')} %"),
        *(said(runs, read("stopped"), ".2f"), said(runs, read("accuracy"))),
        said(runs, difference, "+.3f"),
    ]


def accuracy_at(run: Run, size: float) -> float:
    """Return the accuracy of the likeliest of N, between measured N straight in log N."""
    curve = run.rounds[0]["best_of_n"]["likelihood"]
    sizes = [float(n) for n in curve]
    right = [point["accuracy"] for point in curve.values()]
    return float(np.interp(np.log(size), np.log(sizes), right))
