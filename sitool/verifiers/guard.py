"""Runs a verifier so that nothing it does can stop a round.

One that raises is recorded sample by sample; one that hangs or dies is killed
and recorded on the guilty sample, and the rest still get their scores.
What this leaves out: what happens in the other process (`worker.py`).
"""

import pickle
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

from sitool import registry, workers
from sitool.errors import VerifierError
from sitool.records import Sample, Score
from sitool.tasks.base import ForeignTask, Task
from sitool.verifiers.base import Verifier
from sitool.verifiers.worker import Samples, VerifierSpec, failure, score_chunk
from sitool.workers import START_LIMIT_SECONDS, StalledError

RETRY_LIMITS = 2.0
"""Time limits that the retries of one chunk may take together."""

SAMPLE_SHARE = 0.25
"""Share of the time limit that one retried sample may take."""


def verifier_spec(name: str, task: Task) -> VerifierSpec:
    """Return how to make a verifier of the registry for a task.

    Raises:
        UnknownNameError: No verifier has this name.
    """
    scored_by = task.inside if isinstance(task, ForeignTask) else task
    return VerifierSpec(registry.load("verifier", name), (scored_by,))


class Guard:
    """One verifier under a time limit, used for chunk after chunk.

    An isolated verifier lives in a worker process, which is started with the
    first chunk, kept, and replaced after a kill. Others run here, where a
    hanging one could not be stopped.

    Attributes:
        breathe: Called several times a second while the worker is at work; it may
            raise to leave the chunk.
    """

    needs_model = False
    compares = False
    chunk_rows = 0
    asked: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, spec: VerifierSpec, time_limit_seconds: float) -> None:
        self.spec = spec
        self.time_limit_seconds = time_limit_seconds
        self.breathe: Callable[[], None] = lambda: None
        self._local: Verifier | None = None
        self._worker: Worker | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker process, if there is one; the next chunk would start another."""
        if self._worker:
            self._worker.kill()
        self._worker = None

    def verify(self, samples: Samples) -> list[Score]:
        """Score a chunk: one valid score a sample, whatever the verifier does.

        Takes at most the time limit and `RETRY_LIMITS` more, apart from the
        time that new workers need to start.

        Raises:
            VerifierError: The verifier cannot be made at all.
        """
        if not samples:
            return []
        if not self.spec.isolated:
            self._local = self._local or self._build()
            return score_chunk(self._local, samples)
        try:
            return self._ask(samples, self.time_limit_seconds)
        except StalledError as stalled:
            return self._one_by_one(samples, stalled)

    def score(self, samples: Sequence[Sample]) -> list[Score]:
        """Score stored samples, as the loop asks for it."""
        return self.verify([(sample.problem, sample.completion) for sample in samples])

    def _build(self) -> Verifier:
        try:
            return self.spec.build()
        except Exception as error:
            raise cannot_start(self.spec, f"{type(error).__name__}: {error}") from error

    def _one_by_one(self, samples: Samples, stalled: StalledError) -> list[Score]:
        """Score each sample by itself, so that only the guilty ones fail.

        When the time for it is used up, the samples that are left fail too.
        """
        if len(samples) == 1:
            return [failure(str(stalled))]
        left = self.time_limit_seconds * RETRY_LIMITS
        scores = []
        for sample in samples:
            limit = min(left, self.time_limit_seconds * SAMPLE_SHARE)
            if limit <= 0:
                scores.append(failure(f"Not scored, since others used up the time. {stalled}"))
                continue
            self._started()
            started = time.monotonic()
            try:
                scores += self._ask([sample], limit)
            except StalledError as guilty:
                scores.append(failure(str(guilty)))
            left -= time.monotonic() - started
        return scores

    def _started(self) -> "Worker":
        self._worker = self._worker or Worker(self.spec)
        return self._worker

    def _ask(self, samples: Samples, limit_seconds: float) -> list[Score]:
        """Let the worker score samples; one that gives no answer is killed."""
        worker = self._started()
        try:
            return worker.score(samples, limit_seconds, self.breathe)
        except BaseException:
            # Also when we are interrupted: a late answer must not meet the next question.
            self.close()
            raise


class Worker(workers.Worker):
    """A process of its own that scores chunks."""

    def __init__(self, spec: VerifierSpec) -> None:
        """Start the process and let it make the verifier.

        Raises:
            VerifierError: It cannot.
        """
        super().__init__("sitool.verifiers.worker", "verifier", sys.path)
        try:
            self.send(spec)
            complaint = self.answer(START_LIMIT_SECONDS)
        except (pickle.PicklingError, AttributeError, TypeError, StalledError) as error:
            complaint = f"{type(error).__name__}: {error}"
        if complaint:
            self.kill()
            raise cannot_start(spec, str(complaint))

    def score(
        self, samples: Samples, limit_seconds: float, breathe: Callable[[], None]
    ) -> list[Score]:
        """Return the scores of a chunk.

        Raises:
            StalledError: There was no answer within the limit.
        """
        self.send(list(samples))
        scores = self.answer(limit_seconds, breathe)
        return scores if isinstance(scores, list) else []


def cannot_start(spec: VerifierSpec, why: str) -> VerifierError:
    """Return the error for a verifier that cannot be made."""
    return VerifierError(
        f"The verifier {spec.name!r} cannot be started: {why}.",
        "try: another one with --set 'verifier.names=[\"truth\"]'",
    )
