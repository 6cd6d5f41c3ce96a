"""A sample as one row of a table: what is exported, printed as JSON, and shown by pandas.

What this leaves out: writing files (`export.py`), and which samples (`queries.py`).
"""

from typing import Any

from sitool.records import Sample, Score, passed

COLUMNS = (
    "id", "round", "role", "level", "problem", "index", "prompt", "completion", "answer", "truth",
    "passed", "accepted", "weight", "rule", "ruling", "reason", "author", "edited", "logprob",
    "tokens", "finish",
)  # fmt: skip
"""Of a table of samples, before those of the verifiers."""
SAID = ("score", "flexible", "outcome", "explanation")
"""What begins the names of a verifier's columns."""


def sample_row(sample: Sample) -> dict[str, Any]:
    """Flatten a sample; its scores stay a table by verifier."""
    ruling = sample.ruling
    return {
        "id": sample.id,
        "round": sample.round,
        "role": sample.role,
        "level": sample.problem.level,
        "position": sample.position,
        "index": sample.index,
        "prompt": sample.problem.prompt,
        "truth": sample.problem.truth,
        "completion": sample.completion.text,
        "finish": sample.completion.finish,
        "logprob": sample.completion.logprob,
        "tokens": len(sample.completion.token_ids),
        "weight": sample.weight,
        "rule": sample.rule,
        "ruling": ruling.action.value if ruling else None,
        "reason": ruling.reason if ruling else None,
        "author": ruling.author if ruling else None,
        "edited": ruling.text if ruling else None,
        "scores": {name: _said(score) for name, score in sample.scores.items()},
    }


def _said(score: Score) -> dict[str, Any]:
    return {
        "outcome": score.outcome.value,
        "value": score.value,
        "flexible": score.flexible,
        "answer": score.answer,
        "explanation": score.explanation,
    }


def flat_row(sample: Sample) -> dict[str, Any]:
    """Flatten a sample and what its verifiers said, for a table with `COLUMNS`."""
    row = sample_row(sample) | {
        "problem": sample.problem_id,
        "answer": _answer(sample),
        "passed": passed(sample.scores),
        "accepted": sample.accepted,
    }
    for name, score in sample.scores.items():
        said = (score.value, score.flexible, score.outcome.value, score.explanation)
        row |= {f"{word}_{name}": value for word, value in zip(SAID, said, strict=True)}
    return row


def _answer(sample: Sample) -> str | None:
    """Return the answer as the first verifier that found one read it."""
    read = (score.answer for score in sample.scores.values())
    return next((answer for answer in read if answer is not None), None)
