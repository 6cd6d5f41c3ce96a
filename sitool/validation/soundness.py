"""Looks at a level of a task without anybody answering: is it a level that a study can use?

Whether problems differ enough on both sides of the split, the same seed gives the same
problem, the truth is accepted and others' truths are not, and prompts and answers fit
the base. What this leaves out: what the base makes of it (`attempts.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from sitool.config import Settings
from sitool.errors import ModelError, TaskError
from sitool.models.base import Model
from sitool.records import Completion, Outcome, Problem, Score
from sitool.seeds import generator
from sitool.tasks.base import Task, draw_problem
from sitool.validation.findings import Soundness
from sitool.verifiers.guard import Guard

TRAINING, HELD_OUT = 80, 20
"""Problems of a level that are drawn from each side."""

TRIED = 20
"""Of these, how many are scored with their truth, with another's and with nothing."""

REPEATED = 10
"""Seeds that are drawn from again, and once more in another process."""

FEW_HELD_OUT, FEW_TRAINING = 10, 40
"""Fewer different problems than this leave an evaluation, or a round, with little to draw."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a level is looked at with.

    Attributes:
        twin: The same task made a second time, in another process if it has one.
        guard: Scores by the task, under a time limit.
        model: Says what its base can read; None: no base is asked.
    """

    task: Task
    twin: Task
    guard: Guard
    model: Model | None
    settings: Settings


def look_at(bench: Bench, level: int) -> tuple[Soundness, list[Problem]]:
    """Return what a level is like, and its problems for training, which are all different."""
    training, no_training = draw_side(bench, level, TRAINING, held_out=False)
    held_out, no_held_out = draw_side(bench, level, HELD_OUT, held_out=True)
    drawn = different([*training, *held_out])
    found = Soundness(
        drawn=TRAINING + HELD_OUT,
        training=len(different(training)),
        held_out=len(different(held_out)),
        faults=tuple(dict.fromkeys(filter(None, (no_training, no_held_out)))),
    )
    if drawn and not found.faults:
        found = _scored(bench, found, drawn[:: max(len(drawn) // TRIED, 1)][:TRIED])
        found = _added(found, faults=_of_seeds(bench, level))
        found = found if bench.model is None else _fitted(found, bench, bench.model, drawn)
    return _added(found, warnings=_warnings(found, [*training, *held_out])), different(training)


def draw_side(bench: Bench, level: int, count: int, *, held_out: bool) -> tuple[list[Problem], str]:
    """Draw from one side as a study does, and say why not if that fails."""
    seed, problems = bench.settings.seed, list[Problem]()
    try:
        for i in range(count):
            rng = generator(seed, "check", level, int(held_out), i)
            problems.append(draw_problem(bench.task, level, rng, held_out=held_out))
    except TaskError as error:
        return problems, error.message
    return problems, ""


def different(problems: Sequence[Problem]) -> list[Problem]:
    """Return problems without those that are the same as an earlier one."""
    return list({problem.key: problem for problem in reversed(problems)}.values())[::-1]


def _added(
    found: Soundness,
    faults: Iterator[str] | tuple[str, ...] = (),
    warnings: Iterator[str] | None = None,
) -> Soundness:
    more = tuple(warnings or ())
    return replace(found, faults=(*found.faults, *faults), warnings=(*found.warnings, *more))


def _scored(bench: Bench, found: Soundness, tried: Sequence[Problem]) -> Soundness:
    """See how the truth fares as an answer, and what is none."""
    pairs = zip(tried, [*tried[1:], *tried[:1]], strict=True)
    others = [(one, other.truth) for one, other in pairs if other.truth != one.truth]
    truths = _scores(bench.guard, [(problem, problem.truth) for problem in tried])
    wrong = _scores(bench.guard, others)
    empty = _scores(bench.guard, [(problem, "") for problem in tried])
    passed = (sum(score.passed for score in truths), sum(score.passed for score in wrong))
    found = replace(found, truths=(passed[0], len(tried)), wrong=(passed[1], len(others)))
    return _added(found, faults=_of_scores(found, tried, truths, wrong, empty))


def _scores(guard: Guard, answers: Sequence[tuple[Problem, str]]) -> list[Score]:
    return guard.verify([(p, Completion((), text, "stop", ())) for p, text in answers])


def _of_scores(
    found: Soundness,
    tried: Sequence[Problem],
    truths: Sequence[Score],
    wrong: Sequence[Score],
    empty: Sequence[Score],
) -> Iterator[str]:
    accepted, asked = found.truths
    if accepted < asked:
        problem, score = next((p, s) for p, s in zip(tried, truths, strict=True) if not s.passed)
        yield (
            f"the truth itself is not accepted in {asked - accepted} of {asked}, such as"
            f" {problem.truth!r:.60} to {problem.prompt!r:.60}: {_outcome(score)}"
        )
    failed = next((s for s in (*wrong, *empty) if s.outcome is Outcome.ERROR), None)
    if failed is not None:
        yield f"a wrong or an empty answer cannot be scored: {failed.explanation:.200}"
    if any(score.passed for score in empty):
        yield "an empty answer is accepted"
    if found.wrong[0] > found.wrong[1] / 2:
        yield f"the truth of another problem is accepted in {found.wrong[0]} of {found.wrong[1]}"


def _outcome(score: Score) -> str:
    read = "" if score.answer is None else f"read as {score.answer!r:.60}, "
    return f"{read}{score.outcome}, {score.explanation:.200}"


def _of_seeds(bench: Bench, level: int) -> Iterator[str]:
    """Draw from the same seeds again: here, and in another process."""
    for place, task in (("again", bench.task), ("again in another process", bench.twin)):
        for i in range(REPEATED):
            first, second = (
                t.problem(level, generator(bench.settings.seed, "check again", level, i))
                for t in (bench.task, task)
            )
            if first != second:
                yield (
                    f"the same seed, drawn {place}, gives another problem:"
                    f" {first.prompt!r:.60} and then {second.prompt!r:.60};"
                    " draw from rng alone, and not from a set, a clock or the module random"
                )
                return


def _fitted(found: Soundness, bench: Bench, model: Model, drawn: Sequence[Problem]) -> Soundness:
    """See whether the base can read the prompts and write the answers."""
    limit = bench.settings.sampler.max_new_tokens
    prompts, no_prompt = _longest(model.encode, [problem.prompt for problem in drawn])
    answers, no_answer = _longest(model.encode_completion, [problem.truth for problem in drawn])
    if not no_prompt and not no_answer:
        found = replace(found, prompt_tokens=prompts, answer_tokens=answers)
    context = getattr(model, "context", None)
    faults = [
        f"the base cannot {verb} {which}"
        for verb, which in (("read the prompt", no_prompt), ("write the answer", no_answer))
        if which
    ]
    if answers > limit:
        faults.append(
            f"the longest answer takes {answers} tokens with its end, and"
            f" sampler.max_new_tokens is {limit}"
        )
    if context is not None and prompts + answers > context:
        faults.append(
            f"the longest prompt and answer take {prompts + answers} tokens, and the base's"
            f" context has {context}"
        )
    return _added(replace(found, unfit=bool(faults)), faults=tuple(faults))


def _longest(encode: Callable[[str], tuple[int, ...]], texts: Sequence[str]) -> tuple[int, str]:
    """Return the most tokens of a text, and the first text that cannot be encoded, and why."""
    longest, complaint = 0, ""
    for text in texts:
        try:
            longest = max(longest, len(encode(text)))
        except ModelError:
            complaint = complaint or f"{text!r:.60}: {_unknown(encode, text)}"
    return longest, complaint


def _unknown(encode: Callable[[str], tuple[int, ...]], text: str) -> str:
    """Name the characters that a base has no token for."""
    unknown = []
    for character in dict.fromkeys(text):
        try:
            encode(character)
        except ModelError:
            unknown.append(repr(character))
    return f"it has no token for {', '.join(unknown[:5]) or 'a part of it'}"


def _warnings(found: Soundness, drawn: Sequence[Problem]) -> Iterator[str]:
    truths: dict[str, str] = {}
    for problem in drawn:
        if truths.setdefault(problem.prompt, problem.truth) != problem.truth:
            yield (
                f"one prompt, {problem.prompt!r:.60}, has two answers,"
                f" {truths[problem.prompt]!r:.40} and {problem.truth!r:.40}"
            )
            break
    if not found.faults and found.training < FEW_TRAINING:
        yield f"only {found.training} different problems in {TRAINING} drawn for training"
    if not found.faults and found.held_out < FEW_HELD_OUT:
        yield f"only {found.held_out} different held-out problems in {HELD_OUT} drawn"
    if 0 < found.wrong[0] <= found.wrong[1] / 2:
        yield f"the truth of another problem is accepted in {found.wrong[0]} of {found.wrong[1]}"
