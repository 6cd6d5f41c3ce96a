"""Draws what a check found: as lines, and as a table in a notebook that grows level by level."""

import sys
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from sitool.metrics import Accuracy
from sitool.visible import one_line

if TYPE_CHECKING:
    from sitool.validation.findings import Example, LevelCheck, TaskReport

COLUMNS = ("level", "different problems", "truth", "tokens", "sampled right", "greedy", "unparsed")
WIDTHS = (7, 27, 11, 10, 25, 9, 10)
MOST_CHARACTERS = 60


def report_text(report: "TaskReport") -> str:
    """Say all of a report in lines."""
    lines = [title(report), head(), *(level_text(check) for check in report.levels)]
    return "\n".join([*lines, report.advice])


def title(report: "TaskReport") -> str:
    """Name the task and who answered."""
    return f"{report.task}, answered by {report.base}"


def head() -> str:
    """Return the line above the levels."""
    return _row(COLUMNS)


def level_text(check: "LevelCheck") -> str:
    """Say all of a level: a row of figures, what to make of it, and examples."""
    lines = [_row(cells(check)), f"  {'✓' if check.ok else '✗'} {check.advice}"]
    lines += [f"  ! {words}" for words in more(check)]
    examples = check.attempts.examples if check.attempts is not None else ()
    return "\n".join([*lines, *(f"    {example_text(example)}" for example in examples)])


def cells(check: "LevelCheck") -> tuple[str, ...]:
    """Return a level's figures, in the order of `COLUMNS`."""
    sound, found = check.soundness, check.attempts
    lengths = (sound.prompt_tokens, sound.answer_tokens)
    return (
        str(check.level),
        f"{sound.distinct} of {sound.drawn}, {sound.held_out} held out",
        "{} of {}".format(*sound.truths) if sound.truths[1] else "",
        "" if None in lengths else "{} + {}".format(*lengths),
        "" if found is None else _with_interval(found.sampled),
        "" if found is None or found.greedy is None else f"{found.greedy.value:.2f}",
        "" if found is None else f"{found.unparsed} of {found.samples}",
    )


def more(check: "LevelCheck") -> Iterator[str]:
    """Yield faults beside the one that the advice names, and warnings."""
    yield from check.soundness.faults[1:]
    yield from check.soundness.warnings
    if check.attempts is not None and check.attempts.failed:
        yield f"{check.attempts.failed} of {check.attempts.samples} could not be scored"


def example_text(example: "Example") -> str:
    """Say an example in a line."""
    words = [_short(text) for text in (example.prompt, example.text, example.truth)]
    right = "" if example.said == "right" else f", truth {words[2]}"
    why = f" ({_short(example.why)})" if example.said == "error" else ""
    return f"{example.said}: {words[0]} → {words[1]}{right}{why}"


def _short(text: str) -> str:
    return one_line(text, MOST_CHARACTERS)


def _with_interval(figure: Accuracy | None) -> str:
    if figure is None:
        return "not scored"
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}] n={figure.n}"


def _row(words: tuple[str, ...]) -> str:
    return "".join(f"{word:<{width}}" for word, width in zip(words, WIDTHS, strict=True)).rstrip()


def report_html(report: "TaskReport") -> str:
    """Draw a report as a table; all text in it is escaped."""
    top = "".join(f"<th>{escape(word)}</th>" for word in (*COLUMNS, "what to make of it"))
    rows = "".join(_level_html(check) for check in report.levels)
    return (
        f"<p><b>{escape(title(report))}</b></p>"
        f"<table><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p>{escape(report.advice)}</p>"
    )


def _level_html(check: "LevelCheck") -> str:
    figures = "".join(f"<td>{escape(cell)}</td>" for cell in cells(check))
    found = check.attempts.examples if check.attempts is not None else ()
    lines = "<br>".join(escape(example_text(example)) for example in found)
    examples = f"<details><summary>examples</summary>{lines}</details>" if lines else ""
    words = "".join(f"<br>! {escape(said)}" for said in more(check))
    mark = "✓" if check.ok else "✗"
    advice = f'<td style="text-align:left">{mark} {escape(check.advice)}{words}{examples}</td>'
    return f"<tr>{figures}{advice}</tr>"


def live_display(report: "TaskReport") -> Any | None:
    """Show a report in the notebook that runs this, to be updated; None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    return display(report, display_id=True)
