"""What the loop asks of a model: base + adapter + tokenizer."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol


class Model(Protocol):
    """A base with at most one adapter on it, and the base's own tokenizer."""

    name: str
    """The base as the settings name it."""

    base_hash: str
    """Short hash of the base's weights; adapters remember which base is theirs."""

    notes: list[str]
    """What a person should know about the work on it; whoever tells them takes it out."""

    end_token: int
    """The token id that ends a completion."""

    def encode(self, prompt: str) -> tuple[int, ...]:
        """Turn a prompt into token ids, through the chat template if one is asked for."""
        ...

    def encode_completion(self, text: str) -> tuple[int, ...]:
        """Turn a person's own completion into token ids, the end token included."""
        ...

    def decode(self, token_ids: Sequence[int]) -> str:
        """Turn a completion's token ids into text without special tokens."""
        ...

    def use_adapter(self, folder: Path | None) -> None:
        """Take over what a round has learnt; None: the base as it is.

        Raises:
            ModelError: The folder is missing, broken, or of another base.
        """
        ...

    def save_adapter(self, folder: Path) -> None:
        """Write what was learnt, and which base it belongs to."""
        ...

    def breathe_with(self, breathe: Callable[[], None]) -> None:
        """Call this before every pass through the network; it may raise to leave the work."""
        ...

    def close(self) -> None:
        """End the processes that compute beside this one."""
        ...
