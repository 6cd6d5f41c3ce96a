"""Makes text from models safe to show: no control character reaches a terminal.

Line breaks, tabs and escape codes become visible signs, so that a completion
takes one line and cannot move the cursor or change colours.
"""

import unicodedata

_SIGNS = {"\n": "⏎", "\t": "⇥", "\r": "␍", "\x1b": "␛", "\x7f": "␡"}


def one_line(text: str, width: int = 0) -> str:
    r"""Return text on one line without control characters, cut to a width if one is given.

    >>> one_line("a\nb\x1b[31m"), one_line("abcdef", 4)
    ('a⏎b␛[31m', 'abc…')
    """
    shown = text[: 4 * width or None]
    if not shown.isprintable():
        shown = "".join(_sign(character) for character in shown)
    return shown if not width or len(shown) <= width else shown[: width - 1] + "…"


def both_ends(text: str, width: int) -> str:
    """Return text on one line, its middle left out if it is longer than a width.

    A problem's question often stands at its end.

    >>> both_ends("ab,bc,cd,de,ef|a>f=", 11)
    'ab,bc…|a>f='
    """
    shown = one_line(text)
    if len(shown) <= width:
        return shown
    head = width // 2
    return f"{shown[:head]}…{shown[len(shown) - (width - head - 1) :]}"


def safe_lines(text: str) -> str:
    r"""Return text in its lines and with its tabs, but with nothing else a terminal acts on.

    >>> safe_lines("a\n\tb\x1b")
    'a\n\tb␛'
    """
    return "\n".join(
        "\t".join(one_line(part) for part in line.split("\t")) for line in text.split("\n")
    )


def _sign(character: str) -> str:
    if character in _SIGNS:
        return _SIGNS[character]
    if ord(character) < 32:
        return chr(0x2400 + ord(character))
    # Cc, Cf, Cs, Co, Zl, Zp: what a terminal may act on, or cannot show.
    return "�" if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else character
