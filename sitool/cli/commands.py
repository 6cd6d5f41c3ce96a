"""Commands that make a study, drive it, and look at it."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sitool import client, export
from sitool.cli import live, tables
from sitool.client import Study
from sitool.errors import StudyError
from sitool.records import ROLES, Outcome, Phase
from sitool.summary import advice
from sitool.views import RoundView

console = Console(highlight=False, soft_wrap=False)
PhaseName = StrEnum("PhaseName", {p.name: p.value for p in Phase})  # type: ignore[misc]

StudyDir = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the study.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change one setting; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Plain = Annotated[bool, typer.Option("--plain", help="Print lines instead of a live display.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; kept with the decision.")]
SampleIds = Annotated[list[int], typer.Argument(metavar="SAMPLE...", help="Ids of samples.")]
RoundNumber = Annotated[
    int | None, typer.Option("--round", "-r", help="Which round; default: the last.")
]
curriculum = typer.Typer(help="Show or change what the next round draws.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file, in the order of the help."""
    for command in (new, run, step, stop, status, rounds, samples, accept, reject, edit, note):
        app.command()(command)
    app.command("clear")(clear)
    app.add_typer(curriculum, name="curriculum")
    app.command("set")(set_)
    for other in (undo, fork, redo, compare, evaluate):
        app.command()(other)


def say(text: str) -> None:
    """Print a sentence as it is: never wrapped, so that a command in it can be copied."""
    console.print(text, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as JSON, for scripts; in ASCII, so that no text can act on a terminal."""
    typer.echo(json.dumps(value, indent=2))


def new(
    folder: StudyDir,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", "-p", help="See `sitool presets`; path, unless there is a task file."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="TOML file of settings, laid over the preset."),
    ] = None,
    task_file: Annotated[
        Path | None,
        typer.Option(
            "--task-file", "-t", help="A task of your own: .py, which is kept and run, or .jsonl."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the study.")] = None,
    sets: Sets = None,
) -> None:
    """Make a new study."""
    preset = "path" if preset is None and task_file is None else preset
    assignments = [*(sets or []), *([f"seed={seed}"] if seed is not None else [])]
    study = client.create(folder, preset, file=file, assignments=assignments, task=task_file)
    s = study.settings
    say(
        f"Made {folder}: task {s.task.name}, base {s.model.base}, seed {s.seed}."
        f"\nNext: sitool run {folder} --rounds 3"
    )


def run(
    folder: StudyDir,
    count: Annotated[
        int, typer.Option("--rounds", "-n", min=0, help="How many; 0: only the base.")
    ] = 1,
    plain: Plain = False,
) -> None:
    """Run rounds, one after the other; goes on with an unfinished one."""
    _drive(client.open_study(folder), count, None, plain)


def step(
    folder: StudyDir,
    to: Annotated[
        PhaseName | None,
        typer.Option(help="Stop after this phase, such as select, to review before training."),
    ] = None,
    plain: Plain = False,
) -> None:
    """Run one round, or go on with the unfinished one."""
    _drive(client.open_study(folder), 1, None if to is None else Phase(to.value), plain)


def _drive(study: Study, count: int, to: Phase | None, plain: bool) -> None:
    stopped = live.follow(study, study.stream_rounds(count, to), console, rich=not plain)
    folder = study.folder
    if stopped:
        say(f"Stopped; everything done is kept. Go on: sitool step {folder}")
        raise typer.Exit(130)
    if console.is_terminal and not plain:
        console.print(tables.accuracy_table(study.summary()))
    summary = study.summary()
    if summary.open is None:
        say(advice(summary))
    else:
        say(
            f"Look: sitool samples {folder}   overrule: sitool reject {folder} ID"
            f"   go on: sitool step {folder}"
        )


def stop(folder: StudyDir) -> None:
    """Stop the round that another terminal is running; what is done is kept."""
    client.open_study(folder).stop()
    console.print("Stopped at the next chunk.")


def status(folder: StudyDir, as_json: AsJson = False) -> None:
    """Say where a study stands and what to do next."""
    study = client.open_study(folder)
    summary = study.summary()
    if as_json:
        print_json(
            {
                "folder": summary.folder,
                "head": summary.head,
                "open": summary.open,
                "rounds": len(summary.rounds),
                "advice": advice(summary),
                "settings": summary.settings.model_dump(mode="json"),
            }
        )
        return
    s = summary.settings
    say(f"{folder}: task {s.task.name}, base {s.model.base}, seed {s.seed}")
    if summary.rounds:
        console.print(tables.accuracy_table(summary))
        console.print("● head   ▸ under way   ✗ left   ✎ overruled samples", style="dim")
    if summary.open is not None:
        open_round = summary.round(summary.open).round
        say(f"{open_round.label} stands before {open_round.phase}: sitool step {folder}")
    say(advice(summary))


def rounds(folder: StudyDir, as_json: AsJson = False) -> None:
    """List the rounds with their numbers."""
    summary = client.open_study(folder).summary()
    if as_json:
        print_json([r.to_json() for r in summary.rounds])
        return
    console.print(tables.accuracy_table(summary))
    for r in summary.rounds:
        changes = ", ".join(f"{k} {a} → {b}" for k, (a, b) in r.changes.items())
        say(f"{tables.accuracy_line(r)}  {changes}")


def samples(
    folder: StudyDir,
    number: RoundNumber = None,
    accepted: Annotated[
        bool | None, typer.Option("--accepted/--rejected", help="Counted in training, or not.")
    ] = None,
    passed: Annotated[
        bool | None, typer.Option("--passed/--failed", help="Right as the truth says, or not.")
    ] = None,
    overruled: Annotated[
        bool | None, typer.Option("--overruled/--not-overruled", help="Under a person's ruling.")
    ] = None,
    unparsed: Annotated[bool, typer.Option("--unparsed", help="No answer could be read.")] = False,
    level: Annotated[int | None, typer.Option(help="Of this level.")] = None,
    text: Annotated[str | None, typer.Option(help="Containing this text.")] = None,
    role: Annotated[
        str, typer.Option(help="train, base, or of the evaluation: greedy, sampled.")
    ] = "train",
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 20,
    sample_id: Annotated[int | None, typer.Option("--id", help="One sample in full.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look at samples: a filtered list, or one in full."""
    study = client.open_study(folder)
    if sample_id is not None:
        sample = study.sample(sample_id)
        if as_json:
            print_json(export.sample_row(sample))
        else:
            console.print(tables.sample_in_full(sample))
        return
    round_ = study.round(number) if number is not None else _last_round(study)
    found = round_.samples(
        accepted=accepted,
        passed=passed,
        overruled=overruled,
        level=level,
        outcome=Outcome.UNPARSED if unparsed else None,
        text=text,
        role=_role(role),
    )
    page = [sample for sample, _ in zip(found, range(limit), strict=False)]
    if as_json:
        print_json([export.sample_row(sample) for sample in page])
        return
    console.print(tables.samples_table(page))
    say(f"{len(page)} shown of {round_.record.label}. One in full: sitool samples {folder} --id ID")


def _role(role: str) -> str:
    if role not in ROLES:
        raise StudyError(f"No role is named {role!r}; known: {', '.join(ROLES)}.")
    return role


def _last_round(study: Study) -> RoundView:
    drawn = [r for r in study.rounds() if r.record.parent is not None]
    if not drawn:
        raise StudyError("No round has drawn samples yet.", f"try: sitool step {study.folder}")
    return drawn[-1]


def accept(folder: StudyDir, ids: SampleIds, reason: Reason = "") -> None:
    """Let samples count in training, whatever the verifiers say."""
    study = client.open_study(folder)
    for sample_id in ids:
        study.accept(sample_id, reason)
    _say_effect(study, ids)


def reject(folder: StudyDir, ids: SampleIds, reason: Reason = "") -> None:
    """Keep samples out of training, whatever the verifiers say."""
    study = client.open_study(folder)
    for sample_id in ids:
        study.reject(sample_id, reason)
    _say_effect(study, ids)


def edit(
    folder: StudyDir,
    sample_id: Annotated[int, typer.Argument(metavar="SAMPLE", help="Id of the sample.")],
    text: Annotated[str, typer.Argument(help="The completion to train on instead.")],
    reason: Reason = "",
) -> None:
    """Train on a completion of your own in a sample's place."""
    study = client.open_study(folder)
    study.edit(sample_id, text, reason)
    _say_effect(study, [sample_id])


def note(
    folder: StudyDir,
    sample_id: Annotated[int, typer.Argument(metavar="SAMPLE", help="Id of the sample.")],
    text: Annotated[str, typer.Argument(help="What to write down.")],
) -> None:
    """Write something down beside a sample."""
    client.open_study(folder).note(sample_id, text)
    console.print(f"Noted beside sample {sample_id}.")


def clear(folder: StudyDir, ids: SampleIds) -> None:
    """Take rulings back: the verifiers decide again."""
    study = client.open_study(folder)
    for sample_id in ids:
        study.clear(sample_id)
    _say_effect(study, ids)


def _say_effect(study: Study, ids: list[int]) -> None:
    """Say what a ruling changes, which hangs on whether its round is trained already."""
    for number in sorted({study.sample(sample_id).round for sample_id in ids}):
        round_ = study.round(number).record
        if not round_.finished and round_.phase in (None, Phase.SELECT, Phase.VERIFY, Phase.SAMPLE):
            console.print(f"It holds when {round_.label} trains: sitool step {study.folder}")
            continue
        say(
            f"{round_.label} is trained already and stays as it is. Accepted and edited samples"
            f" join the next round that starts from it;\nto train {round_.label} again under your"
            f" rulings: sitool redo {study.folder} {number}"
        )


@curriculum.command("show")
def curriculum_show(folder: StudyDir, as_json: AsJson = False) -> None:
    """Show what the next round draws, and why."""
    study = client.open_study(folder)
    plan = study.plan()
    if as_json:
        print_json(json.loads(plan.to_json()))
        return
    head = study.head
    say(plan.sentence)
    console.print(tables.plan_table(plan, head.success if head else {}))


@curriculum.command("set")
def curriculum_set(
    folder: StudyDir,
    assignments: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE...", help="Such as rule=manual 'weights={5=1.0, 6=2.0}'."
        ),
    ],
) -> None:
    """Change the curriculum of the next round."""
    study = client.open_study(folder)
    study.configure(*(f"curriculum.{a.removeprefix('curriculum.')}" for a in assignments))
    _show_if_measured(study)


@curriculum.command("harder")
def curriculum_harder(folder: StudyDir) -> None:
    """Move the next round's mixture one level harder."""
    study = client.open_study(folder)
    study.curriculum.harder()
    _show_if_measured(study)


@curriculum.command("easier")
def curriculum_easier(folder: StudyDir) -> None:
    """Move the next round's mixture one level easier."""
    study = client.open_study(folder)
    study.curriculum.easier()
    _show_if_measured(study)


def _show_if_measured(study: Study) -> None:
    if study.head is None:
        console.print("Set. What it draws is known once the base is measured.")
    else:
        curriculum_show(study.folder)


def set_(
    folder: StudyDir,
    assignments: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE...", help="See `sitool settings`.")
    ],
) -> None:
    """Change settings of the next round."""
    changes = client.open_study(folder).configure(*assignments)
    for name, (before, after) in changes.items():
        since = "step" if name.startswith("server.") else "round"
        say(f"{name}: {before} → {after}, from the next {since} on")
    if not changes:
        console.print("Nothing changes: the next round has these settings already.")


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
    _drive(study, 1, None, plain)


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
        say(f"{figure.name:<18} {level:<11} {tables.with_interval(figure)}")
