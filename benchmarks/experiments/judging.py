"""What the model's own verdicts are worth: the rows of experiments (a), (b) and (c)."""

from collections.abc import Iterator, Sequence

from benchmarks.experiments.runs import ENSEMBLES, FILTERS, JUDGES, Run
from benchmarks.experiments.tables import Measure, Row, minus, of, said

NAMES = {
    "mc": "self-judged",
    "truth": "truth-filtered",
}
ROUNDS_SHOWN = (0, 1, 4)
FILTER_WORDS = {"own": "each its own", "half": "better half"}


def gap_of(judge: str, number: int, under: str = "own") -> Measure:
    """Return what reads the gap under a judge and a kind of filter off a round."""
    return lambda run: float(run.rounds[number]["gaps"][under][judge]["value"])


def accuracy_of(number: int) -> Measure:
    """Return what reads the accuracy of a sample off a round."""
    return lambda run: float(run.rounds[number]["accuracy"])


def pass_of(k: str, number: int) -> Measure:
    """Return what reads pass@k off a round."""
    return lambda run: float(run.rounds[number]["pass_at_k"][k])


def unique_of(number: int) -> Measure:
    """Return what reads the number of different answers to a problem off a round."""
    return lambda run: float(run.rounds[number]["unique"])


def gap_rows(runs: Sequence[Run]) -> Iterator[Row]:
    """Yield the accuracy and the gap of every round, by what the loop selected by."""
    last = runs[0].condition.rounds
    heads = ["base", *(f"round {n}" for n in range(1, last + 1))]
    noise = f"seeds with 0 in round {last}'s own interval"
    yield ["rounds", "seeds", "figure", *heads, f"round {last} - base", noise]
    for name, words in NAMES.items():
        here = of(runs, name)
        figures = {"accuracy of a sample": [accuracy_of(n) for n in range(last + 1)]}
        for judge in JUDGES:
            figures[f"gap, {judge}"] = [gap_of(judge, n) for n in range(last + 1)]
        for figure, measures in figures.items() if here else ():
            cells = [said(here, measure) for measure in measures]
            change = said(here, minus(measures[-1], measures[0]), "+.3f")
            judge = figure.partition(", ")[2]
            reached = f"{sum(reaches_0(run, judge, last) for run in here)}" if judge else ""
            yield [words, str(len(here)), figure, *cells, change, reached]


def reaches_0(run: Run, judge: str, number: int) -> bool:
    """Say whether a gap's paired-bootstrap interval over problems holds 0."""
    gap = run.rounds[number]["gaps"]["own"][judge]
    return bool(gap["low"] <= 0 <= gap["high"])


def pass_rows(runs: Sequence[Run]) -> Iterator[Row]:
    """Yield pass@k of the base and after rounds, and what changed."""
    ks = list(runs[0].rounds[0]["pass_at_k"])
    last = runs[0].condition.rounds

    def row(title: str, here: Sequence[Run], number: int, before: int | None = None) -> Row:
        measures = [pass_of(k, number) for k in ks]
        unique = unique_of(number)
        if before is not None:
            measures = [minus(m, pass_of(k, before)) for m, k in zip(measures, ks, strict=True)]
            unique = minus(unique, unique_of(before))
        sign = "" if before is None else "+"
        cells = [said(here, measure, f"{sign}.3f") for measure in measures]
        return [title, str(len(here)), *cells, said(here, unique, f"{sign}.2f")]

    yield ["model", "seeds", *(f"k = {k}" for k in ks), "different answers to a problem"]
    judged = [(words, of(runs, name)) for name, words in NAMES.items() if of(runs, name)]
    yield row("base", judged[0][1], 0)
    for words, here in judged:
        yield row(f"{words}, round 1", here, 1)
        yield row(f"{words}, round {last}", here, last)
    for words, here in judged:
        yield row(f"{words}, round {last} - base", here, last, 0)
        yield row(f"{words}, round {last} - round 1", here, last, 1)


def ensemble_rows(runs: Sequence[Run]) -> Iterator[Row]:
    """Yield the gap under two judges beside that under each, by round of self-judged studies."""
    here = of(runs, "mc")
    yield [
        *("judges", "filter", "round", "seeds", "first alone", "second alone", "both"),
        *("both - the better one", "kept by both", "problems without a survivor", "Pearson's r"),
    ]
    for name in ENSEMBLES:
        for under in FILTERS:
            for number in ROUNDS_SHOWN:
                if here and number <= here[0].condition.rounds:
                    yield _ensemble_row(here, name, under, number)


def _ensemble_row(runs: Sequence[Run], name: str, under: str, number: int) -> Row:
    first, second = name.split("+")
    alone = [gap_of(first, number, under), gap_of(second, number, under)]
    # The better one over all seeds: were it chosen seed by seed, luck would count for it.
    better = max(alone, key=lambda measure: sum(map(measure, runs)))
    both = gap_of(name, number, under)

    def share(key: str) -> Measure:
        return lambda run: float(run.rounds[number]["gaps"][under][name][key])

    return [
        *(name.replace("+", " + "), FILTER_WORDS[under], str(number), str(len(runs))),
        *(said(runs, measure) for measure in (*alone, both)),
        said(runs, minus(both, better), "+.3f"),
        said(runs, share("kept"), ".2f"),
        said(runs, share("empty"), ".2f"),
        said(runs, _pearson(first, second, number), ".2f"),
    ]


def _pearson(first: str, second: str, number: int) -> Measure:
    def read(run: Run) -> float:
        found = run.rounds[number]["correlations"]
        r = found.get(f"{first}, {second}", found.get(f"{second}, {first}"))
        return float("nan") if r is None else float(r)

    return read
