"""Commands that step back, fork, train again, compare, and measure a round again."""

from typing import Annotated

import typer

from sitool import client
from sitool.cli import tables
from sitool.cli.commands import (
    AsJson,
    Plain,
    RoundNumber,
    Sets,
    StudyDir,
    console,
    drive,
    print_json,
    say,
)
from sitool.study.round_words import with_interval


def register(app: typer.Typer) -> None:
    """Add the commands of this file, in the order of the help."""
    for command in (undo, fork, redo, compare, evaluate):
        app.command()(command)


def undo(folder: StudyDir) -> None:
    """Step back: leave the unfinished round, or move the head to its parent."""
    study = client.open_study(folder)
    head = study.undo()
    console.print(f"The next round starts from {head.record.label}. Nothing is deleted.")


def fork(
    folder: StudyDir,
    number: Annotated[int, typer.Argument(metavar="ROUND", help="A finished round.")],
    sets: Sets = None,
) -> None:
    """Let the next round start from an older one."""
    study = client.open_study(folder)
    head = study.fork(number, *(sets or []))
    say(
        f"The next round starts from {head.record.label}, with its settings"
        f"{' and ' + ', '.join(sets) if sets else ''}.\nNext: sitool step {folder}"
    )


def redo(
    folder: StudyDir,
    number: Annotated[int, typer.Argument(metavar="ROUND", help="A finished round above 0.")],
    plain: Plain = False,
) -> None:
    """Select and train again on a round's samples, under today's rulings."""
    study = client.open_study(folder)
    twin = study.redo(number)
    console.print(
        f"{twin.record.label} is a twin of r{number:04d}: the same samples, your rulings."
    )
    drive(study, 1, None, plain)


def compare(
    folder: StudyDir,
    first: Annotated[int, typer.Argument(metavar="A", help="A finished round.")],
    second: Annotated[int, typer.Argument(metavar="B", help="Another one.")],
    as_json: AsJson = False,
) -> None:
    """Compare two rounds on the same held-out problems."""
    study = client.open_study(folder)
    found = study.compare(first, second)
    if as_json:
        levels = {
            str(k): {"value": d.value, "low": d.low, "high": d.high, "n": d.n}
            for k, d in found.difference.items()
            if k
        }
        all_levels = found.difference[0]
        print_json(
            {
                "first": first,
                "second": second,
                "difference": levels,
                "difference_all": {
                    "value": all_levels.value,
                    "low": all_levels.low,
                    "high": all_levels.high,
                    "n": all_levels.n,
                },
                "gained": [list(pair) for pair in found.gained],
                "lost": [list(pair) for pair in found.lost],
            }
        )
        return
    console.print(tables.comparison_table(found))
    console.print(f"{len(found.gained)} held-out problems newly solved, {len(found.lost)} lost.")
    for title, pairs in (("Newly solved", found.gained[:3]), ("Lost", found.lost[:3])):
        if pairs:
            console.print(f"{title} (before, after):")
            console.print(tables.samples_table([study.sample(i) for pair in pairs for i in pair]))


def evaluate(
    folder: StudyDir,
    number: RoundNumber = None,
    problems: Annotated[int, typer.Option(min=1, help="Held-out problems of each level.")] = 256,
    samples_: Annotated[
        int, typer.Option("--samples", min=0, help="Of each problem, for pass@k; 0: greedy only.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure a finished round again, more finely; its own numbers stay."""
    study = client.open_study(folder)
    figures = study.evaluate(number, problems, samples_)
    if as_json:
        print_json([{n: getattr(f, n) for n in f.__slots__} for f in figures])
        return
    for figure in figures:
        level = f"level {figure.level}" if figure.level else "all levels"
        say(f"{figure.name:<18} {level:<11} {with_interval(figure)}")
