"""Commands that look ahead: what the next round needs, and which sampler is the quickest here."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from sitool import client
from sitool.cli.commands import AsJson, Sets, console, print_json, say
from sitool.config import Settings
from sitool.errors import StudyError
from sitool.models.builtin import SCRIPTED, check_base
from sitool.parts import make_task
from sitool.planning import machines, situations, trials
from sitool.planning.estimates import (
    Estimate,
    estimate,
    gigabytes,
    span_words,
    threads_of,
)
from sitool.planning.shapes import find_folder, read_shape
from sitool.presets import build_settings


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(plan)


def plan(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Folder of a study.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", "-p", help="Of a study that is yet to be made.")
    ] = None,
    sets: Sets = None,
    probe: Annotated[
        bool, typer.Option(help="Measure this machine if it was not yet: a few seconds, once.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Estimate the memory and time of the next round, and say what to lower if it does not fit."""
    if (folder is None) == (preset is None):
        raise StudyError(
            "plan needs a study or a preset, and not both.",
            "try: sitool plan DIR, or sitool plan --preset path",
        )
    assignments = sets or []
    if folder is None:
        settings = build_settings(preset, assignments=assignments)
        check_base(settings.model)
        _probe_once(settings, probe, quiet=as_json)
        found = estimate(settings, situations.of_new_study(settings, make_task(settings)))
    else:
        study = client.open_study(folder)
        settings = build_settings(assignments=assignments, base=study.settings)
        _probe_once(settings, probe, quiet=as_json)
        found = study.estimate(*assignments)
    if as_json:
        print_json(_as_json(found))
    else:
        _show(found)


def _probe_once(settings: Settings, wanted: bool, *, quiet: bool) -> None:
    """Measure this machine unless that was done, is not wanted, or is of no use."""
    if not wanted or settings.model.base == SCRIPTED:
        return
    threads = threads_of(settings, read_shape(find_folder(settings.model)))
    if machines.known_rates(threads) is not None:
        return
    if not quiet:
        say("Measuring this machine once, a few seconds ...")
    machines.measure_rates(threads)


def _show(found: Estimate) -> None:
    if found.total.peaks:
        console.print(_phases(found))
        assumed = "" if found.process_is_measured else " (assumed, not measured here)"
        say(
            f"In each: the base's weights {gigabytes(found.weights)}, the process itself"
            f" {gigabytes(found.process)}{assumed}."
        )
    if found.total.helpers:
        count, helper = found.total.helpers, gigabytes(found.total.helper)
        many = f"{count} processes help, with {helper} each"
        said = f"1 process helps, with {helper}" if count == 1 else many
        say(f"Beside the engine, {said} at most.")
    say(found.sentence)
    seconds = found.pace.total
    if seconds is None:
        say("How long it takes is not known: no earlier round, and no rates of this machine.")
    else:
        say(f"It takes about {span_words(seconds)}, judging by {found.pace.source}.")


def _phases(found: Estimate) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for column in ("phase", "peak", "time", "of it"):
        table.add_column(column, no_wrap=column != "of it")
    for phase, peak in found.total.peaks.items():
        seconds = found.pace.seconds.get(phase)
        terms = sorted(found.total.needs[phase].terms.items(), key=lambda item: -item[1])
        parts = ", ".join(f"{name} {gigabytes(size)}" for name, size in terms if size >= 5e7)
        time = span_words(seconds) if seconds else "not known"
        table.add_row(Text(str(phase), style="bold"), gigabytes(peak), time, parts)
    return table


def _as_json(found: Estimate) -> dict[str, object]:
    seconds = found.pace.total
    return {
        "peak_bytes": found.bytes,
        "free_bytes": found.free,
        "fits": found.fits,
        "sentence": found.sentence,
        "peaks": {str(phase): peak for phase, peak in found.total.peaks.items()},
        "weights_bytes": found.weights,
        "process_bytes": found.process,
        "helpers": found.total.helpers,
        "helper_bytes": found.total.helper,
        "process_is_measured": found.process_is_measured,
        "seconds": None if seconds is None else list(seconds),
        "seconds_by_phase": {str(phase): list(span) for phase, span in found.pace.seconds.items()},
        "judging_by": found.pace.source,
        "remedy": None if found.remedy is None else found.remedy.assignment,
    }


def bench(base: str, as_json: bool) -> None:
    """Try out every way of sampling from a base, and recommend one."""
    settings = build_settings("path", assignments=[f"model.base={base}"])
    check_base(settings.model)
    if base == SCRIPTED:
        raise StudyError("The scripted base draws no tokens, so there is nothing to measure.")
    task = make_task(settings)
    tried = []
    for candidate in trials.candidates():
        if not as_json:
            say(f"Trying {candidate.key} ...")
        tried.append((candidate, trials.run_trial(candidate, settings, task)))
    ran = [(candidate, trial) for candidate, trial in tried if trial is not None]
    if not ran:
        raise StudyError(f"No sampler could draw from the base {base!r}.", "try: sitool demo")
    best = trials.recommended(ran)
    if as_json:
        rows = [
            {
                "settings": list(candidate.assignments),
                "tokens_a_second": None if trial is None else trial.batch,
                "rows": None if trial is None else trial.rows,
                "tokens_a_second_small": None if trial is None else trial.small,
                "remark": candidate.remark,
            }
            for candidate, trial in tried
        ]
        print_json({"base": base, "tried": rows, "recommended": list(best.assignments)})
        return
    _show_trials(tried, best)


def _show_trials(
    tried: list[tuple[trials.Candidate, trials.Trial | None]], best: trials.Candidate
) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for column in ("sampler", "a batch", "its rows", "4 rows"):
        table.add_column(column, justify="left" if column == "sampler" else "right")
    for candidate, trial in tried:
        mark = "● " if candidate is best else "  "
        figures = ("cannot run it", "", "")
        if trial is not None:
            figures = (f"{trial.batch:,.0f} tokens/s", f"{trial.rows:,}", f"{trial.small:,.0f}")
        table.add_row(Text(mark + candidate.name), *figures)
    console.print(table)
    for candidate, _ in tried:
        if candidate.remark:
            say(f"{candidate.name} {candidate.remark}.")
    sets = " ".join(f"--set {assignment}" for assignment in best.assignments)
    say(f"\nThe quickest for a round's batch is {best.name}. Use it: sitool new DIR {sets}")
