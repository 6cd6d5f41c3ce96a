"""Lets a base answer problems of a level: does it succeed sometimes?"""

from collections.abc import Sequence

from sitool import metrics, registry
from sitool.loop import decoding_of
from sitool.models.base import Model
from sitool.records import Completion, Outcome, Problem, Score
from sitool.samplers.base import Request, Sampler
from sitool.seeds import derive_seed
from sitool.validation.findings import Attempts, Example
from sitool.validation.soundness import Bench


def attempt(bench: Bench, model: Model, problems: Sequence[Problem], samples: int) -> Attempts:
    """Answer each problem once greedily and some times by chance, and score it by the task.

    Raises:
        SamplerError: The sampler cannot go on.
    """
    seed = bench.settings.seed
    requests = [
        Request(
            problem,
            model.encode(problem.prompt),
            tuple(derive_seed(seed, "check", problem.key, i) for i in range(samples)),
            greedy=True,
        )
        for problem in problems
    ]
    sampler: Sampler = registry.load("sampler", bench.settings.sampler.name)(model, bench.settings)
    rows = [row for c in sampler.sample(requests, decoding_of(bench.settings)) for row in c]
    answers = [(p, text) for p, row in zip(problems, rows, strict=True) for text in row]
    scores = bench.guard.verify(answers)
    each = samples + 1
    greedy, sampled = scores[::each], [s for i, s in enumerate(scores) if i % each]
    known = [s for s in greedy if s.outcome is not Outcome.ERROR]
    return Attempts(
        sampled=_pass_at_1(sampled, samples, derive_seed(seed, "bootstrap")),
        greedy=metrics.wilson(sum(s.passed for s in known), len(known)) if known else None,
        samples=len(sampled),
        passed=sum(score.passed for score in sampled),
        unparsed=sum(score.outcome is Outcome.UNPARSED for score in sampled),
        failed=sum(score.outcome is Outcome.ERROR for score in sampled),
        examples=tuple(_examples(answers, scores)),
    )


def _pass_at_1(scores: Sequence[Score], samples: int, seed: int) -> metrics.Accuracy | None:
    """Return pass@1 over problems; what could not be scored says nothing."""
    problems = [scores[i : i + samples] for i in range(0, len(scores), samples)]
    known = [[s for s in row if s.outcome is not Outcome.ERROR] for row in problems]
    known = [row for row in known if row]
    if not known:
        return None
    passed = [sum(score.passed for score in row) for row in known]
    return metrics.mean_pass_at_k([len(row) for row in known], passed, 1, seed)


def _examples(
    answers: Sequence[tuple[Problem, Completion]], scores: Sequence[Score]
) -> list[Example]:
    """Pick the first answer of each kind."""
    found: dict[str, Example] = {}
    for (problem, completion), score in zip(answers, scores, strict=True):
        kind = str(score.outcome)
        if score.outcome is Outcome.SCORED:
            kind = "right" if score.passed else "wrong"
        example = Example(problem.prompt, problem.truth, completion.text, kind, score.explanation)
        found.setdefault(kind, example)
    return [found[kind] for kind in ("right", "wrong", "unparsed", "error") if kind in found]
