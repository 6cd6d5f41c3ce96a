"""Which setting to lower so that a round fits, and to what.

The change that costs least comes first: rows of a chunk, processes and tokens of a part
change nothing that is learnt, checkpointing costs time, a shorter limit cuts answers off.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

from sitool.config import Settings
from sitool.planning.memory import Setup, helpers_of, micro_tokens, total_of
from sitool.planning.shapes import Shape
from sitool.planning.work import Work


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change of settings with which a round fits.

    Attributes:
        assignment: Such as `sampler.chunk_rows=128`; several are parted by a space.
        bytes: What the round needs then.
    """

    assignment: str
    bytes: int


def remedy(
    shape: Shape, settings: Settings, setup: Setup, work: Work, process: int, most: float
) -> Remedy | None:
    """Return the mildest change with which a round needs at most so many bytes.

    Args:
        process: Bytes of a process itself, without weights.
    """
    tokens = settings.trainer.micro_tokens or micro_tokens(shape, setup)
    changes = _milder(settings, tokens)
    if helpers_of(shape, settings, setup, work):
        changes = chain(_less_at_once(settings), _alone(settings, tokens))
    for path, changed in changes:
        limit = min(work.most_new, changed.sampler.max_new_tokens)
        needed = total_of(shape, changed, setup, replace(work, most_new=limit), process).bytes
        if needed <= most:
            return Remedy(path, needed)
    return None


def _less_at_once(settings: Settings) -> Iterator[tuple[str, Settings]]:
    """Yield what costs less than it costs to draw without help."""
    for value in islice(_halves(settings.sampler.chunk_rows), 3):
        yield f"sampler.chunk_rows={value}", _changed(settings, "sampler", chunk_rows=value)


def _alone(settings: Settings, tokens: int) -> Iterator[tuple[str, Settings]]:
    """Yield changes where only the engine draws."""
    name, alone = "engine.processes=1", _changed(settings, "engine", processes=1)
    yield name, alone
    for path, changed in _milder(alone, tokens):
        yield f"{name} {path}", changed


def _milder(settings: Settings, tokens: int) -> Iterator[tuple[str, Settings]]:
    """Yield ever stronger changes, from those that change nothing but memory.

    Args:
        tokens: That the trainer lets through the network at once.
    """
    rows = list(_halves(settings.sampler.chunk_rows))
    for value in rows:
        yield f"sampler.chunk_rows={value}", _changed(settings, "sampler", chunk_rows=value)
    lowest = _changed(settings, "sampler", chunk_rows=rows[-1]) if rows else settings
    before = f"sampler.chunk_rows={rows[-1]} " if rows else ""
    for value in _halves(tokens):
        yield f"trainer.micro_tokens={value}", _changed(settings, "trainer", micro_tokens=value)
    for value in _halves(tokens):
        both = _changed(lowest, "trainer", micro_tokens=value)
        yield f"{before}trainer.micro_tokens={value}", both
    yield "trainer.checkpointing=on", _changed(settings, "trainer", checkpointing="on")
    for value in _halves(settings.sampler.max_new_tokens):
        yield (
            f"sampler.max_new_tokens={value}",
            _changed(settings, "sampler", max_new_tokens=value),
        )


def _halves(value: int) -> Iterator[int]:
    """Yield the powers of two below a number, the largest first.

    >>> list(_halves(12))
    [8, 4, 2, 1]
    """
    power = 1 << max(value - 1, 0).bit_length() >> 1
    while power >= 1:
        if power < value:
            yield power
        power >>= 1


def _changed(settings: Settings, group: str, **values: object) -> Settings:
    inner = getattr(settings, group).model_copy(update=values)
    return settings.model_copy(update={group: inner})
