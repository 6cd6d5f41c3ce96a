"""How a base is asked whether an answer is right.

The text is the problem's prompt, the completion, then `?`; the model goes on
with one of two whole-word tokens. Its score of the completion is
P(Correct) / (P(Correct) + P(Incorrect)) at that place, which takes one forward
pass. What it leaves out: models that were taught another form.
"""

SEPARATOR = "?"
CORRECT = "Correct"
INCORRECT = "Incorrect"


def verdict_prompt(problem_prompt: str, completion: str) -> str:
    """Write the text after which the next token is `Correct` or `Incorrect`.

    >>> verdict_prompt("ab,bc|a>c=", "abc")
    'ab,bc|a>c=abc?'
    """
    return f"{problem_prompt}{completion}{SEPARATOR}"
