"""How a study looks in the list: its cells, and a few lines about the chosen one."""

from dataclasses import dataclass, replace
from pathlib import Path

from rich.text import Text

from sitool.shelf import Card
from sitool.study.round_words import short
from sitool.visible import one_line

EIGHTHS = "▁▂▃▄▅▆▇█"
WIDE = 100
"""Columns of a terminal from which on there is room for everything."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list.

    Attributes:
        least: How wide the terminal must be for it.
    """

    name: str
    title: str
    width: int
    least: int = 0


COLUMNS = (
    Column("name", "study", 16),
    Column("task", "task · base", 13, least=76),
    Column("rounds", "rounds", 6),
    Column("accuracy", "accuracy", 8),
    Column("branch", "base to head", 12, least=76),
    Column("state", "now", 8, least=50),
    Column("touched", "last change", 12, least=WIDE),
)


def columns(width: int) -> list[Column]:
    """Return the columns that fit, with the room that is left shared out."""
    if width < WIDE:
        return [column for column in COLUMNS if column.least <= width]
    room = min(width, 160) - WIDE
    wider = {"name": room // 2, "task": room // 4, "branch": room // 4, "state": 4}
    return [replace(column, width=column.width + wider.get(column.name, 0)) for column in COLUMNS]


def cells(card: Card | None, folder: Path, width: int, now: float) -> list[Text]:
    """Write a study's row; None: it is not read yet."""
    shown = []
    for column in columns(width):
        text = _cell(column.name, card, folder, column.width, now)
        text.no_wrap = True
        shown.append(text)
    return shown


def _cell(name: str, card: Card | None, folder: Path, width: int, now: float) -> Text:
    if name == "name":
        wrong = card is not None and card.error
        return Text(one_line(folder.name, width), style="dim" if wrong else "bold")
    if card is None:
        return Text("…", style="dim")
    if name == "state":
        return state(card, short=width < 12)
    if name == "touched":
        return Text(ago(now - card.touched) if card.touched else "")
    return Text() if card.error else _figure(name, card, width)


def _figure(name: str, card: Card, width: int) -> Text:
    match name:
        case "task":
            return Text(one_line(f"{card.task} · {Path(card.base).name}", width))
        case "rounds":
            return Text(str(card.rounds), justify="right")
        case "accuracy":
            return Text(short(card.accuracy.value if card.accuracy else None), justify="right")
    return Text(sparkline(card.branch, width))


def state(card: Card, *, short: bool = False) -> Text:
    """Say what goes on in a study now; never by colour alone."""
    if card.missing:
        return Text("✗ gone" if short else "✗ missing", style="bold")
    if card.error:
        return Text("✗ error" if short else "✗ unreadable", style="bold")
    if card.working:
        return Text("▸ busy" if short else "▸ working", style="bold")
    if card.died:
        return Text("✗ died" if short else "✗ engine died", style="bold")
    if card.open:
        return Text("‖ open" if short else f"‖ {card.open} open")
    return Text("")


def about_card(card: Card, now: float) -> Text:
    """Tell about the chosen study in a few lines: where it is, how far, what to do."""
    lines = [Text(one_line(str(card.folder)), style="bold")]
    if card.missing:
        words = "There is no study in this folder any more. x takes it off the list."
        return Text("\n").join([*lines, Text(f"✗ {words}")])
    if card.error:
        return Text("\n").join([*lines, Text(f"✗ {one_line(card.error)}"), _touched(card, now)])
    preset = f" · preset {card.preset}" if card.preset else ""
    lines.append(Text(one_line(f"{card.task} · {card.base} · seed {card.seed}{preset}")))
    lines.append(_accuracy(card))
    lines.append(Text.assemble(_doing(card), "  ", _touched(card, now)))
    return Text("\n").join(lines)


def _accuracy(card: Card) -> Text:
    figure = card.accuracy
    if figure is None:
        return Text("The base is not measured yet: open it and press s for the first round.")
    base = f"; the base had {short(card.branch[0])}" if len(card.branch) > 1 else ""
    interval = f"{short(figure.low)} to {short(figure.high)}"
    return Text(
        f"{card.head} solves {short(figure.value)} of the held-out problems"
        f" ({interval}, n={figure.n}){base}"
    )


def _doing(card: Card) -> str:
    if card.working:
        return f"▸ Engine {card.engine} works on {card.open or 'it'} now."
    if card.died:
        return f"✗ The engine died in {card.open or 'its work'}; open it and press s to go on."
    if card.open:
        return f"‖ {card.open} is under way; open it and press s to go on."
    return f"{card.rounds} round{'' if card.rounds == 1 else 's'}."


def _touched(card: Card, now: float) -> Text:
    return Text(f"Last change {ago(now - card.touched)}." if card.touched else "", style="dim")


def sparkline(values: tuple[float, ...], width: int) -> str:
    """Draw shares as bars from 0 to 1, the newest at the right.

    More values than there is room for are thinned out, the first and the last kept.

    >>> sparkline((0.0, 0.5, 1.0), 8)
    '▁▅█'
    """
    if len(values) > width:
        last = len(values) - 1
        values = tuple(values[round(i * last / (width - 1))] for i in range(width))
    return "".join(EIGHTHS[min(int(max(value, 0) * 8), 7)] for value in values)


def ago(seconds: float) -> str:
    """Say how long ago something was.

    >>> ago(5), ago(125), ago(7300), ago(200_000)
    ('just now', '2 min ago', '2 h ago', '2 days ago')
    """
    for unit, size in (("day", 86400), ("h", 3600), ("min", 60)):
        count = int(seconds // size)
        if count >= 1:
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''} ago"
    return "just now"
