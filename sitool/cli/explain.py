"""Commands that explain: presets, tasks, settings, this machine; and the demo."""

import os
import platform
import random
import shutil
import sys
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from sitool import client, registry, shelf
from sitool.cli import forecast, live, tables
from sitool.cli.commands import AsJson, Plain, console, print_json, say
from sitool.client import Study
from sitool.errors import StudyError
from sitool.models.builtin import builtin_names
from sitool.parts import make_task
from sitool.presets import build_settings, describe_settings, load_preset, preset_names
from sitool.summary import advice
from sitool.visible import one_line

PACKAGES = ("torch", "transformers", "peft", "pydantic", "numpy", "rich", "typer", "pyarrow")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (demo, presets, tasks, settings, doctor):
        app.command()(command)


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to make it.")] = Path(
        shelf.DEMO_FOLDER
    ),
    count: Annotated[int, typer.Option("--rounds", "-n", min=1, help="Rounds to run.")] = 5,
    preset: Annotated[str, typer.Option("--preset", "-p", help="See `sitool presets`.")] = (
        shelf.DEMO_PRESET
    ),
    seed: Annotated[
        int, typer.Option(help="Seed; everyone with the same one sees the same.")
    ] = shelf.DEMO_SEED,
    watch: Annotated[
        bool, typer.Option("--watch", help="Run the rounds here instead of opening the app.")
    ] = False,
    plain: Plain = False,
) -> None:
    """Watch a tiny model improve itself: in the app, or five rounds right here."""
    started = time.monotonic()
    study = _demo_study(folder, preset, seed)
    if console.is_terminal and not watch and not plain:
        study.close()
        _open_app(folder)
        return
    say(
        f"{load_preset(preset).about}\n"
        "Each round draws problems, samples answers, keeps the right ones and trains on them.\n"
    )
    rounds_left = max(count - max((r.number for r in study.rounds()), default=0), 0)
    stream = study.stream_rounds(rounds_left)
    if live.follow(study, stream, console, rich=not plain):
        say(f"Stopped; everything done is kept. Go on: sitool demo {folder}")
        raise typer.Exit(130)
    _show_demo(study, time.monotonic() - started)


def _open_app(folder: Path) -> None:
    """Open the app on a study; it is imported late, for its own imports take a while."""
    from sitool.tui.app import run

    run(folder)
    say(f"The study is in {folder}. Open it again: sitool open {folder}")


def _demo_study(folder: Path, preset: str, seed: int) -> Study:
    """Open the demo study, or make it."""
    if (folder / "study.db").exists():
        say(f"Going on with {folder}; to start afresh: rm -r {folder}")
        return client.open_study(folder)
    return client.create(folder, preset, assignments=[f"seed={seed}"])


def _show_demo(study: Study, seconds: float) -> None:
    summary, folder = study.summary(), study.folder
    first, last = summary.rounds[0], summary.round(summary.head or 0)
    console.print("\nGreedy accuracy by level on held-out problems:\n")
    console.print(tables.accuracy_table(summary))
    console.print()
    console.print(tables.gain_bars(first, last))
    say(f"\n{advice(summary)}\n\n{seconds:.0f} s in all. Three things to try next:")
    for command, why in (
        (f"sitool samples {folder} --failed", "see what it still gets wrong"),
        (
            f"sitool fork {folder} 2 --set curriculum.rule=fixed",
            "go back and draw all levels alike",
        ),
        (f"sitool run {folder} --rounds 3", "and go on from there"),
    ):
        console.print(Text.assemble("  ", (command, "bold"), f"   {why}"))


def presets(as_json: AsJson = False) -> None:
    """List the presets: ready-made settings for a study."""
    found = [load_preset(name) for name in preset_names()]
    if as_json:
        print_json([{"name": p.name, "about": p.about, "settings": dict(p.table)} for p in found])
        return
    _list({preset.name: preset.about for preset in found})
    console.print("\nUse one: sitool new DIR --preset NAME")


def tasks(
    name: Annotated[str | None, typer.Argument(help="Show examples of this task.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the tasks, or show examples of one at every level."""
    if name is not None:
        _show_task(registry.check_name("task", name), as_json)
        return
    found = [registry.load("task", each) for each in registry.names("task")]
    if as_json:
        print_json([{"name": t.name, "summary": t.summary} for t in found])
        return
    _list({task.name: task.summary for task in found})
    console.print("\nSee one: sitool tasks path")


def _show_task(name: str, as_json: bool) -> None:
    if name in ("jsonl", "python"):
        raise StudyError(
            f"The problems of the task {name!r} are in a file of yours.",
            "try: sitool task check FILE, or sitool new DIR --task-file FILE",
        )
    task = make_task(build_settings(assignments=[f"task.name={name}"]))
    problems = [task.problem(level, random.Random(level)) for level in task.levels]
    if as_json:
        print_json([{"level": p.level, "prompt": p.prompt, "truth": p.truth} for p in problems])
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for column in ("level", "prompt", "a right answer"):
        table.add_column(column, overflow="fold")
    for p in problems:
        table.add_row(str(p.level), Text(one_line(p.prompt)), Text(one_line(p.truth)))
    console.print(table)


def settings(
    name: Annotated[str | None, typer.Argument(help="Only those whose name contains this.")] = None,
    as_json: AsJson = False,
) -> None:
    """List every setting with its default, what is allowed, and what it does."""
    found = [i for i in describe_settings() if name is None or name in i.path]
    if not found:
        raise StudyError(f"No setting's name contains {name!r}.", "try: sitool settings")
    if as_json:
        print_json([{n: _plain(getattr(i, n)) for n in i.__slots__} for i in found])
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for column in ("setting", "default", "allowed", "what it does"):
        table.add_column(column, overflow="fold")
    for info in found:
        default = f"{_plain(info.default)} {info.unit}".strip()
        table.add_row(
            Text(info.path, style="bold"), Text(default), Text(info.allowed), Text(info.about)
        )
    console.print(table)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def doctor(
    bench: Annotated[
        bool, typer.Option("--bench", help="Measure which sampler is the quickest: a minute.")
    ] = False,
    base: Annotated[str, typer.Option(help="With --bench: the base to sample from.")] = "tiny",
    as_json: AsJson = False,
) -> None:
    """Say what this machine has, and whether sitool can work here."""
    if bench:
        forecast.bench(base, as_json)
        return
    facts = {
        "sitool": version("sitool"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "free disk (GB)": round(shutil.disk_usage(Path.cwd()).free / 1e9, 1),
        "bases": ", ".join(builtin_names()),
        **{name: _version(name) for name in PACKAGES},
        "cuda": _cuda(),
    }
    if as_json:
        print_json(facts)
        return
    table = _grid()
    for key, value in facts.items():
        table.add_row(Text(key, style="bold"), str(value))
    console.print(table)
    missing = [name for name in PACKAGES[:-1] if facts[name] == "missing"]
    console.print(
        f"\nMissing: {', '.join(missing)}. try: make setup"
        if missing
        else "\nAll that is needed is here."
    )
    if missing:
        sys.exit(1)


def _version(name: str) -> str:
    if find_spec(name) is None:
        return "missing"
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown version"


def _cuda() -> str:
    if find_spec("torch") is None:
        return "no torch"
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"


def _list(found: Mapping[str, str]) -> None:
    """Print names, each with what it is."""
    table = _grid()
    for name, words in found.items():
        table.add_row(Text(name, style="bold"), words)
    console.print(table)


def _grid() -> Table:
    grid = Table.grid(padding=(0, 3))
    grid.add_column(no_wrap=True)
    grid.add_column()
    return grid
