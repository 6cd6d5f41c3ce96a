"""Verifiers at work on a round's samples: chunk by chunk, committed, and gone on with.

Knows which model judges what, and whose adapter that is. What it leaves out: how a
verifier comes to its score (`verifiers/`), and what scores are used for (`loop.py`).
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sitool import events, pairing
from sitool.config import Settings
from sitool.errors import StudyError
from sitool.events import Event
from sitool.parts import Parts
from sitool.registry import check_verifier, split_verifier
from sitool.store import Round, SampleFilter, Store
from sitool.verifiers.base import Scorer

VERIFY_CHUNK = 512
TRAIN = ("train",)
HELD_OUT = ("greedy", "sampled")


def adapter_of(store: Store, round_id: int | None) -> Path | None:
    """Return the folder of a round's adapter; round 0 is the base and has none."""
    return store.adapter_folder(round_id) if round_id else None


def starting_adapter(store: Store, round_: Round) -> Path | None:
    """Return the adapter that training begins with; None is a fresh one on the base.

    A round in which nothing was accepted has its parent's adapter, and no
    optimizer state of its own: then it is the last round that trained.
    """
    ancestor = round_.parent
    if round_.settings.trainer.start_from == "base":
        return None
    while ancestor and not store.metrics.of(ancestor, "loss"):
        ancestor = store.tree.round(ancestor).parent
    return adapter_of(store, ancestor)


def score_samples(
    store: Store,
    parts: Parts,
    round_: Round,
    verifier: str,
    roles: Sequence[str],
    settings: Settings | None = None,
) -> Iterator[Event]:
    """Score what one verifier has not seen yet, in chunks that cut no problem.

    Args:
        roles: `TRAIN` or `HELD_OUT`.
        settings: To judge by; None: the round's own.

    Raises:
        StudyError: The round whose model is to judge is not there, or not finished; or
            the verifier has scored samples of these roles when it was asked otherwise.
    """
    scorer = prepared(store, parts, round_, verifier, roles, settings or round_.settings)
    if scorer.compares:
        # A greedy answer is its problem's only one: there is nothing to compare it with.
        roles = [role for role in roles if role != "greedy"]
    pool = "train" if "train" in roles else "evaluation"
    total = sum(store.samples.count(SampleFilter(round=round_.id, role=r)) for r in roles)
    last, done = 0, store.samples.count_scored(round_.id, verifier, roles)
    _check_asked_alike(store, round_, verifier, pool, scorer.asked)
    size = min(VERIFY_CHUNK, scorer.chunk_rows or VERIFY_CHUNK)
    while batch := store.samples.unscored(round_.id, verifier, roles, last, size):
        scores = scorer.score(batch)
        with store.transaction():
            if scorer.asked:
                store.samples.set_asked(round_.id, verifier, pool, scorer.asked)
            store.samples.add_scores(
                verifier, [(s.id, score) for s, score in zip(batch, scores, strict=True)]
            )
        last, done = batch[-1].id, done + len(batch)
        yield events.SamplesScored(round_.id, verifier, done, total)
        yield from warnings(parts, round_)


def writer_of(round_: Round, roles: Sequence[str]) -> int:
    """Return the round whose model wrote a round's samples of these roles."""
    return (pairing.writer_of(round_) or 0) if "train" in roles else round_.id


def warnings(parts: Parts, round_: Round) -> Iterator[Event]:
    """Pass on what the parts at work on the model have noted."""
    while parts.model.notes:
        yield events.Warned(round_.id, parts.model.notes.pop(0))


def prepared(
    store: Store,
    parts: Parts,
    round_: Round,
    verifier: str,
    roles: Sequence[str],
    settings: Settings,
) -> Scorer:
    """Return a verifier, after the model that is to judge has been put on."""
    check_verifier(verifier)
    part, judge = split_verifier(verifier)
    writer = writer_of(round_, roles)
    number = writer
    if judge:
        number = 0 if judge == "base" else int(judge)
    elif part == "cross":
        number = max(settings.cross.round, 0)
    if number != writer and not store.tree.round(number).finished:
        raise StudyError(
            f"{store.tree.round(number).label} is not finished, so its model cannot judge.",
            "try: sitool rounds, and choose a finished one",
        )
    scorer = parts.scorer(verifier, settings, number, is_writer=number == writer)
    if scorer.needs_model:
        parts.model.use_adapter(adapter_of(store, number))
    return scorer


def _check_asked_alike(
    store: Store, round_: Round, verifier: str, pool: str, asked: Mapping[str, Any]
) -> None:
    """Refuse to put scores of two different questions under one name."""
    before = store.samples.asked(round_.id).get((verifier, pool))
    if before is None or before == dict(asked):
        return
    changed = sorted(k for k in {*before, *asked} if before.get(k) != asked.get(k))
    raise StudyError(
        f"{verifier!r} has scored {round_.label} when it was asked otherwise"
        f" ({', '.join(changed)}), and scores never change.",
        "try: the judge's settings as they were, or a round that it has not scored yet",
    )


def measure_round_again(
    store: Store,
    parts: Parts,
    round_: Round,
    verifiers: Sequence[str],
    settings: Settings,
    *,
    training: bool,
) -> Generator[Event, None, None]:
    """Let verifiers score a finished round's held-out samples; only scores are added.

    Args:
        settings: To judge by.
        training: Also score its training samples.
    """
    pools = [HELD_OUT, TRAIN] if training and round_.parent is not None else [HELD_OUT]
    for verifier in verifiers:
        for roles in pools:
            yield from score_samples(store, parts, round_, verifier, roles, settings)
    yield events.RoundJudged(round_.id, tuple(verifiers))
