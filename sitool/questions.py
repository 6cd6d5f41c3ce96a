"""What a judge is asked, and how its verdict is read from what it writes.

Templates are plain text with placeholders such as `{completion}`; a brace of
the text's own is written twice. What this leaves out: who is asked
(`verifiers/`), and how the settings that hold templates are declared.
"""

import re
from collections.abc import Mapping
from string import Formatter

KINDS = ("mc", "cot_binary", "cot_score", "tournament")
BEST_SCORE = 10

NEEDED = dict.fromkeys(KINDS, ("prompt", "completion")) | {
    "tournament": ("prompt", "first", "second")
}
ALLOWED = {
    "mc": (*NEEDED["mc"], "correct", "incorrect"),
    "cot_binary": (*NEEDED["cot_binary"], "correct", "incorrect"),
    "cot_score": NEEDED["cot_score"],
    "tournament": NEEDED["tournament"],
}

TINY = dict.fromkeys(("mc", "cot_binary", "cot_score"), "{prompt}{completion}?")
"""How the built-in bases have learnt to be asked (`models/verdict.py`); they reason no further."""

ASKED = "Question:\n{prompt}\n\nProposed answer:\n{completion}\n\n"
WORDS = {
    "mc": ASKED + "Is the proposed answer right? Reply with one word, {correct} or {incorrect}.\n"
    "Verdict:\n",
    "cot_binary": ASKED + "Check the proposed answer step by step. Then write one last line:"
    " {correct} or {incorrect}.\n",
    "cot_score": ASKED + "Check the proposed answer step by step. Then write one last line:"
    " Score: N, with N from 1 (surely wrong) to 10 (surely right).\n",
    "tournament": "Question:\n{prompt}\n\nAnswer A:\n{first}\n\nAnswer B:\n{second}\n\n"
    "Which answer is better? Think step by step. Then write one last line: A or B.\n",
}
FORMS: Mapping[str, Mapping[str, str]] = {"tiny": TINY, "words": WORDS}


def check_template(kind: str, text: str) -> None:
    """Make sure that a template can be filled in.

    Raises:
        ValueError: It cannot; in one sentence.
    """
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(
            f"it is no template, since {error}; a brace of its own is written twice"
        ) from error
    found = [name for _, name, *_ in parts if name is not None]
    for _, name, form, turn in parts:
        if name is not None and (form or turn):
            raise ValueError(f"it must have the placeholder {{{name}}} as it is, without a format")
    for name in found:
        if name not in ALLOWED[kind]:
            known = ", ".join(f"{{{word}}}" for word in ALLOWED[kind])
            raise ValueError(f"it has the placeholder {{{name}}}, and may have {known}")
    for name in NEEDED[kind]:
        if name not in found:
            raise ValueError(f"it must have the placeholder {{{name}}}")


def read_verdict(text: str, correct: str, incorrect: str) -> bool | None:
    r"""Read the last of the two words that stands in a text; None: neither does.

    >>> read_verdict("Not Incorrect at all.\nCorrect", "Correct", "Incorrect")
    True
    >>> read_verdict("It depends.", "Correct", "Incorrect") is None
    True
    """
    places = {right: _last(word, text) for right, word in ((True, correct), (False, incorrect))}
    best = max(places, key=lambda right: places[right])
    return best if places[best] >= 0 else None


def read_beginning(text: str, correct: str, incorrect: str) -> bool | None:
    """Read which of the two words a text begins with; None: neither.

    >>> read_beginning("IncorrectCorrect", "Correct", "Incorrect")
    False
    """
    if text.startswith(correct):
        return True
    return False if text.startswith(incorrect) else None


def _last(word: str, text: str) -> int:
    """Return where a word ends last in a text, whatever its case; -1: it is not there."""
    pattern = rf"(?<!\w){re.escape(word.strip())}(?!\w)"
    return max((found.end() for found in re.finditer(pattern, text, re.IGNORECASE)), default=-1)


BETWEEN = r"[^\w\-−]"
SCORE = re.compile(
    rf"\bscore\b{BETWEEN}{{0,4}}(?:(?:is|of){BETWEEN}{{1,4}})?(\d+)(?![\d.]*\d)", re.IGNORECASE
)
ALONE = re.compile(rf"{BETWEEN}*(\d+)(?:\s*/\s*10)?\W*")


def read_score(text: str) -> int | None:
    """Read the last `Score: N` of a text, or a last line that is a number alone.

    >>> read_score("Fine. Score: 8/10"), read_score("7"), read_score("Score: 11")
    (8, 7, None)
    """
    lines = text.strip().splitlines()
    alone = ALONE.fullmatch(lines[-1]) if lines else None
    named = SCORE.findall(text)
    number = int(alone[1]) if alone else int(named[-1]) if named else 0
    return number if 1 <= number <= BEST_SCORE else None


CHOICE = re.compile(
    r"\W*(?:(?:the )?(?:final |better |best )?(?:answer|verdict|winner|choice)\W*(?:is\W*)?)?"
    r"\b([AB])\b\W*",
    re.IGNORECASE,
)


def read_choice(text: str) -> str | None:
    r"""Read which of two answers the last line that names one chooses: A or B.

    >>> read_choice("Both are fine.\nThe better answer is B."), read_choice("A bad pair")
    ('B', None)
    """
    for line in reversed(text.strip().splitlines()):
        found = CHOICE.fullmatch(line)
        if found:
            return found[1].upper()
    return None
