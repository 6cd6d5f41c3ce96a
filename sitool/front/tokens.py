"""What the tokens of shown samples read: each base's tokenizer is fetched once, and nobody waits.

What this leaves out: reading a tokenizer's file (`models/pieces.py`), and the thread to do it in,
which every front end has its own of.
"""

from collections.abc import Callable

from sitool.models.builtin import builtin_names
from sitool.models.pieces import Piece, Pieces, pieces_of
from sitool.records import Sample
from sitool.store import Store


class TokenReader:
    """Reads the tokens of samples with the tokenizers that are known by now.

    Args:
        fetch: Is called once for each base that is not known; whoever has read its
            tokenizer, which may take a second, tells so with `learn`.
    """

    def __init__(self, fetch: Callable[[str], object]) -> None:
        self._fetch = fetch
        self._known: dict[str, Pieces | None] = {}

    def learn(self, base: str, pieces: Pieces | None) -> None:
        """Take in a base's tokenizer; None if it has none that we can read."""
        self._known[base] = pieces

    def read(self, store: Store, sample: Sample) -> list[Piece] | None:
        """Return what each token reads; None as long as, or if, that is not known."""
        base, completion = store.tree.round(sample.round).settings.model.base, sample.completion
        if base in builtin_names():
            return pieces_of(base, completion)
        if base not in self._known:
            self._known[base] = None
            self._fetch(base)
        pieces = self._known[base]
        return None if pieces is None else pieces.read(completion.token_ids)
