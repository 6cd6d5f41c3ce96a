"""A judge's questions: filled in, turned into tokens, and put to the sampler.

What this leaves out: the templates (`questions.py`), and what verdicts mean
(each judge's own file).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sitool.config import Settings
from sitool.errors import ModelError, SamplerError
from sitool.models.builtin import SCRIPTED, builtin_names
from sitool.models.scripted import ScriptedModel
from sitool.questions import FORMS
from sitool.records import Problem, Sample, Score
from sitool.samplers.base import Decoding, Request, check_prompt
from sitool.seeds import derive_seed
from sitool.verifiers.base import Court
from sitool.verifiers.worker import failure

TINY_TOKENS = 2
"""That a built-in base writes as its verdict: a word is one, and a score of 10 two."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask a model.

    Attributes:
        problem: The question as a problem of its own. Its truth is the right verdict for
            the scripted base alone, which cannot think; else it is empty.
        ids: The question's tokens.
        path: What the answers' seeds are derived from.
        numbers: Of the verifications to draw, one seed each.
    """

    problem: Problem
    ids: tuple[int, ...]
    path: tuple[str | int, ...]
    numbers: tuple[int, ...]


def form_of(settings: Settings) -> str:
    """Return the form in which the settings' base is asked."""
    base, form = settings.model.base, settings.judge.form
    if form != "auto":
        return form
    return "tiny" if base in builtin_names() and base != SCRIPTED else "words"


def template_of(settings: Settings, kind: str) -> str:
    """Return the template of a kind of question; nothing where its form has none."""
    own: str = getattr(settings.judge, f"{kind}_prompt")
    return own or FORMS[form_of(settings)].get(kind, "")


def most_tokens(settings: Settings) -> int:
    """Return the limit of what a judge writes; in the form `tiny` it has no more to say."""
    limit = settings.judge.max_new_tokens
    return min(limit, TINY_TOKENS) if form_of(settings) == "tiny" else limit


def asked_of(court: Court, kind: str, *, writes: bool) -> dict[str, Any]:
    """Say who is asked and how, as JSON values to keep beside the scores."""
    judge = court.settings.judge
    said: dict[str, Any] = {
        "base": court.model.name,
        "base_hash": court.model.base_hash,
        "round": court.number,
        "prompt": template_of(court.settings, kind),
    }
    if kind in ("mc", "cot_binary"):
        said |= {"correct": judge.correct, "incorrect": judge.incorrect}
    if writes:
        said |= {name: getattr(judge, name) for name in ("verifications", "temperature")}
        said |= {"form": form_of(court.settings), "max_new_tokens": most_tokens(court.settings)}
    return said


def ask(
    court: Court,
    template: str,
    samples: Sequence[Sample],
    fields: dict[str, str],
    verdicts: tuple[str, str],
) -> Question | Score:
    """Fill in a question about samples; a score of the outcome `error` if it cannot be asked.

    Args:
        samples: One, or two of one problem.
        fields: For the template's placeholders, beside the problem's prompt.
        verdicts: What a right judge says of a right answer and of a wrong one; or if the
            first of two is as good as the second, and if not.
    """
    sample = samples[0]
    text = template.format(prompt=sample.problem.prompt, **fields)
    problem = Problem("judge", sample.problem.level, text, "")
    if isinstance(court.model, ScriptedModel):
        # It cannot think, so it is told what a right judge would say.
        values = [court.task.score(s.problem, s.completion.text).value or 0.0 for s in samples]
        said, otherwise = verdicts if values[0] >= (values[1:] or [1.0])[0] else verdicts[::-1]
        problem = Problem("judge", problem.level, text, said, facts={"wrong": otherwise})
    place = (sample.role, sample.position, sample.index)
    path = (court.settings.seed, sample.round, "judge", court.name, *place)
    try:
        ids = court.model.encode(text)
        request = Request(problem, ids, ())
        check_prompt(request, getattr(court.model, "context", None))
    except (ModelError, SamplerError) as error:
        return failure(f"The question cannot be asked. {error.message}")
    return Question(problem, ids, path, tuple(range(court.settings.judge.verifications)))


def draw_answers(court: Court, questions: Sequence[Question]) -> list[list[str]]:
    """Let the model write its verdicts on each question.

    Raises:
        SamplerError: The sampler cannot go on.
    """
    judge = court.settings.judge
    requests = [
        Request(
            question.problem,
            question.ids,
            tuple(derive_seed(*question.path, number) for number in question.numbers),
        )
        for question in questions
    ]
    limit = most_tokens(court.settings)
    decoding = Decoding(temperature=judge.temperature, max_new_tokens=limit)
    return [
        [completion.text for completion in row]
        for chunk in court.sampler.sample(requests, decoding)
        for row in chunk
    ]


class AskingVerifier:
    """Asks the model about each sample alone; whoever inherits turns what it says into scores."""

    name: ClassVar[str]
    source: ClassVar[str] = "judge"
    needs_model = True
    compares = False
    writes: bool

    def __init__(self, court: Court) -> None:
        self._court = court
        self._template = template_of(court.settings, self.name)

    @property
    def asked(self) -> Mapping[str, Any]:
        """Who is asked, and how."""
        return asked_of(self._court, self.name, writes=self.writes)

    @property
    def verdicts(self) -> tuple[str, str]:
        """What a right judge says of a right answer, and of a wrong one."""
        judge = self._court.settings.judge
        return judge.correct, judge.incorrect

    def ask(self, sample: Sample) -> Question | Score:
        """Fill in the question about a sample; a score if it cannot be asked."""
        judge = self._court.settings.judge
        words = {"correct": judge.correct, "incorrect": judge.incorrect}
        fields = {"completion": sample.completion.text, **words}
        return ask(self._court, self._template, [sample], fields, self.verdicts)


def who(court: Court) -> str:
    """Name the judge at the beginning of a sentence."""
    if court.number < 0:
        return "The other model"
    if court.is_writer:
        return "The model"
    return "The base" if court.number == 0 else f"The model of round {court.number}"
