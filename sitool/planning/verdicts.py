"""How much judges will have to read and to write, and how long that takes.

Verifiers that ask no model take next to no time and are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sitool.config import Settings
from sitool.models.builtin import SCRIPTED, builtin_names
from sitool.registry import split_verifier

WRITING = ("cot_binary", "cot_score", "tournament")
QUESTION_TOKENS = 60
"""Of a question in words, beside the prompt and the answer."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the judges of one pool of samples do, all together.

    Attributes:
        readings: How often every sample is read.
        writings: How often something is written about every sample.
        tokens: Most tokens of what is written.
        question: Tokens of a question beside the prompt and the answer.
    """

    readings: int
    writings: int
    tokens: int
    question: int


def verdicts_of(settings: Settings, names: Sequence[str]) -> Verdicts:
    """Count what verifiers ask of a model."""
    parts = [_part(name, settings) for name in dict.fromkeys(names)]
    base, judge = settings.model.base, settings.judge
    is_tiny = judge.form == "tiny" or (
        judge.form == "auto" and base in builtin_names() and base != SCRIPTED
    )
    writes = [p for p in parts if p in WRITING and not (p == "tournament" and is_tiny)]
    reads = [p for p in parts if p == "mc" or p.startswith("likelihood@") or p == "tournament"]
    reads = [p for p in reads if p not in writes]
    tokens = 2 if is_tiny else judge.max_new_tokens
    question = 1 if is_tiny else QUESTION_TOKENS
    return Verdicts(len(reads), len(writes) * judge.verifications, tokens, question)


def _part(name: str, settings: Settings) -> str:
    """Return what kind of judge a name is; a likelihood that must be read anew has an `@`."""
    part, judge = split_verifier(name)
    if part == "cross":
        part, judge = settings.cross.verifier, "elsewhere"
    return "likelihood@" if part.startswith("likelihood") and judge else part
