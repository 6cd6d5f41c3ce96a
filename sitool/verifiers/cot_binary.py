"""The model's verdict after reasons: right or wrong."""

from collections.abc import Sequence
from typing import ClassVar

from sitool.questions import read_beginning, read_verdict
from sitool.verifiers.asking import form_of
from sitool.verifiers.base import Court
from sitool.verifiers.reasoned import ReasonedVerifier


class CotBinaryVerifier(ReasonedVerifier):
    """Scores a sample 1 or 0 by the last verdict word that the model writes.

    Source: CoT-Binary (Song et al., "Mind the Gap", ICLR 2025).
    """

    name: ClassVar[str] = "cot_binary"

    def __init__(self, court: Court) -> None:
        super().__init__(court)
        # A built-in base has not learnt to end after its verdict.
        self._read = read_beginning if form_of(court.settings) == "tiny" else read_verdict

    def read(self, text: str) -> float | None:
        """Read the last of the two words; in the form `tiny` what the text begins with."""
        verdict = self._read(text, *self.verdicts)
        return None if verdict is None else float(verdict)

    def words(self, values: Sequence[float]) -> str:
        """Say how often it says what."""
        correct, incorrect = self.verdicts
        if len(values) == 1:
            return f"says {(correct if values[0] else incorrect)!r}"
        return f"says {correct!r} in {sum(values):.0f} of {len(values)} verdicts"
