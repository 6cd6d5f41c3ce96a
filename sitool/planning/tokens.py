"""How many tokens a text is, counted from `tokenizer.json` without the tokenizer's library.

Counts the longest known piece after the other, which is what a vocabulary of
characters does exactly, and byte-pair vocabularies nearly. What this leaves out:
chat templates, and tokenizers without `tokenizer.json`.
"""

import json
from functools import lru_cache
from pathlib import Path

CHARACTERS_PER_TOKEN = 3.0
"""Of English and sums, where there is no vocabulary to look at."""

LONGEST_PIECE = 24
SPACES = {"Ġ": {" ": "Ġ", "\n": "Ċ", "\t": "ĉ"}, "▁": {" ": "▁"}}
"""How vocabularies of two kinds write white space."""


class Vocabulary:
    """The pieces of a vocabulary.

    Args:
        pieces: As the tokenizer writes them.
    """

    def __init__(self, pieces: frozenset[str]) -> None:
        self._pieces = pieces
        kind = next((sign for sign in SPACES if any(sign in piece for piece in pieces)), None)
        self._spaces = str.maketrans(SPACES[kind]) if kind else {}
        self._longest = min(max(map(len, pieces), default=1), LONGEST_PIECE)

    def count(self, text: str) -> int:
        """Count the tokens of a text; a character that is no piece counts as one.

        >>> Vocabulary(frozenset({"a", "b", "ab", "Ġab"})).count("ab abb")
        3
        """
        if not self._pieces:
            return round(len(text) / CHARACTERS_PER_TOKEN)
        text = text.translate(self._spaces)
        tokens = place = 0
        while place < len(text):
            place += self._fitting(text, place)
            tokens += 1
        return tokens

    def _fitting(self, text: str, place: int) -> int:
        for length in range(min(self._longest, len(text) - place), 1, -1):
            if text[place : place + length] in self._pieces:
                return length
        return 1


def read_vocabulary(folder: Path) -> Vocabulary:
    """Read a base's vocabulary; an unreadable one counts characters."""
    file = folder / "tokenizer.json"
    try:
        return _read(str(file), file.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Vocabulary(frozenset())


@lru_cache(maxsize=4)
def _read(file: str, changed: int) -> Vocabulary:
    vocabulary = json.loads(Path(file).read_text(encoding="utf-8"))["model"]["vocab"]
    # Unigram models list (piece, score).
    names = vocabulary if isinstance(vocabulary, dict) else [piece for piece, _ in vocabulary]
    return Vocabulary(frozenset(names))
