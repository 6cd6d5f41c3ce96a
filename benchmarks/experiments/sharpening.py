"""What the base's own likelihood is worth as a reward: the rows of experiments (d), (e) and (f)."""

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.experiments.runs import Run
from benchmarks.experiments.tables import Measure, Row, minus, of, said

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
    """Yield the base, the models sharpened from it, and best-of-N without training."""
    most = list(runs[0].rounds[0]["best_of_n"]["majority"])[-1]
    yield [
        *("model", "seeds", "log p of a sample under the base", "- base"),
        *("accuracy of a sample", "- base", "greedy accuracy", "- base", "sharpened share (proxy)"),
    ]
    sampled = [best_of("likelihood", "1", figure) for figure in ("logprob", "accuracy")]
    first = of(runs, names_of(runs)[0])
    before = [said(first, measure) for measure in (*sampled, flat("greedy_accuracy"))]
    share = said(first, flat("sharpened"), ".2f")
    yield ["base", str(len(first)), before[0], "", before[1], "", before[2], "", share]
    chosen = [best_of("likelihood", most, figure) for figure in ("logprob", "accuracy")]
    cells = [said(first, measure) for measure in chosen]
    more = [said(first, minus(*pair), "+.3f") for pair in zip(chosen, sampled, strict=True)]
    title = f"base, likeliest of {most}"
    yield [title, str(len(first)), cells[0], more[0], cells[1], more[1], "", "", ""]
    for name in names_of(runs):
        yield _sharpened_row(of(runs, name), name)


def _sharpened_row(runs: Sequence[Run], name: str) -> Row:
    cells = []
    for after, before in (
        *(
            (best_of("likelihood", "1", f, LAST), best_of("likelihood", "1", f))
            for f in ("logprob", "accuracy")
        ),
        (flat("greedy_accuracy", LAST), flat("greedy_accuracy")),
    ):
        cells += [said(runs, after), said(runs, minus(after, before), "+.3f")]
    return [name, str(len(runs)), *cells, said(runs, flat("sharpened", LAST), ".2f")]


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
