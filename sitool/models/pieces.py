"""What each token of a completion reads, without loading a model or transformers.

The tokenizer file of the base is enough. What it leaves out: bases that have none
in that form, whose completions are shown as a whole.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sitool.models.builtin import builtin_folder, builtin_names
from sitool.records import Completion

FILE = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class Piece:
    """What one token reads; special ones are no part of the text."""

    text: str
    special: bool = False


class Pieces:
    """Reads tokens one by one with the base's own tokenizer."""

    def __init__(self, file: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer: Any = Tokenizer.from_file(str(file))
        added = self._tokenizer.get_added_tokens_decoder()
        self._special = {token for token, word in added.items() if word.special}

    def read(self, token_ids: Sequence[int]) -> list[Piece]:
        """Return what each token reads."""
        texts = (self._tokenizer.decode([token], skip_special_tokens=False) for token in token_ids)
        return [Piece(t, i in self._special) for i, t in zip(token_ids, texts, strict=True)]


@lru_cache(maxsize=1)
def read_pieces(base: str) -> Pieces | None:
    """Find the tokenizer of a base on this machine; None if it has no `tokenizer.json`.

    Takes up to a second, and some tens of MB, for a vocabulary of 150,000.
    """
    file = _tokenizer_file(base)
    # The library raises bare exceptions for whatever a file may hold.
    with contextlib.suppress(Exception):
        return None if file is None else Pieces(file)
    return None


def pieces_of(base: str, completion: Completion) -> list[Piece] | None:
    """Read a completion's tokens; None if its base has no tokenizer that we can read.

    The built-in bases write one character a token, so they need none. Else the first call
    takes as long as `read_pieces`.
    """
    if base in builtin_names():
        ended, count = completion.finish == "stop", len(completion.token_ids)
        return characters(completion.text, count, ended=ended)
    found = read_pieces(base)
    return None if found is None else found.read(completion.token_ids)


def _tokenizer_file(base: str) -> Path | None:
    if base in builtin_names():
        with contextlib.suppress(Exception):
            return builtin_folder(base) / FILE
        return None
    folder = Path(base).expanduser()
    if folder.is_dir():
        return folder / FILE if (folder / FILE).is_file() else None
    from huggingface_hub import try_to_load_from_cache

    with contextlib.suppress(ValueError):
        found = try_to_load_from_cache(base, FILE)
        return Path(found) if isinstance(found, str) else None
    return None


def characters(text: str, count: int, *, ended: bool) -> list[Piece] | None:
    """Read tokens that are one character each; None if their number says that they are not.

    Args:
        count: Of the tokens.
        ended: The last token is the end token, which is no part of the text.
    """
    if count != len(text) + ended:
        return None
    return [Piece(character) for character in text] + [Piece("<end>", special=True)] * ended
