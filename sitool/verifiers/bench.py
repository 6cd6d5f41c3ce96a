"""Lets a judge score, so that an answer that it fails on costs no other one its score.

The counterpart of `guard.py` for verifiers that work in this process with the
loaded model, which no process of their own could have.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from sitool.errors import SitoolError
from sitool.records import Sample, Score
from sitool.verifiers.base import Judge
from sitool.verifiers.worker import checked, failure


class Bench:
    """One judge, asked for chunk after chunk.

    Args:
        make: Makes the judge, when it is first asked for.
        chunk_rows: Most samples to commit together where the model writes its verdicts.
    """

    def __init__(self, make: Callable[[], Judge], chunk_rows: int) -> None:
        self._make = make
        self._chunk_rows = chunk_rows
        self._made: Judge | None = None

    @property
    def judge(self) -> Judge:
        """The judge itself."""
        if self._made is None:
            self._made = self._make()
        return self._made

    @property
    def needs_model(self) -> bool:
        """Whether it asks the court's model."""
        return self.judge.needs_model

    @property
    def compares(self) -> bool:
        """Whether a sample's score hangs on the others of its problem."""
        return self.judge.compares

    @property
    def chunk_rows(self) -> int:
        """Most samples to score together; 0: as many as there are."""
        return self._chunk_rows if self.judge.writes else 0

    @property
    def asked(self) -> Mapping[str, Any]:
        """What its scores hang on beside the samples."""
        return self.judge.asked

    def score(self, samples: Sequence[Sample]) -> list[Score]:
        """Score whole problems: one valid score a sample, whatever the judge does.

        Raises:
            SitoolError: A person has to mend something first.
        """
        try:
            return checked(self.judge.judge(samples), len(samples))
        except SitoolError:
            raise
        except Exception as error:
            problems = [list(group) for _, group in groupby(samples, _problem)]
            if len(problems) > 1:
                return [score for problem in problems for score in self.score(problem)]
            if len(samples) > 1 and not self.compares:
                return [score for sample in samples for score in self.score([sample])]
            return [failure(f"{type(error).__name__}: {error}")] * len(samples)


def _problem(sample: Sample) -> tuple[str, int]:
    return sample.role, sample.position
