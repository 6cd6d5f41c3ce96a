"""The model's own likelihood of an answer as its score."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sitool.models.scripted import ScriptedModel
from sitool.records import Outcome, Sample, Score
from sitool.samplers.scripted import logprob_of
from sitool.verifiers.asking import who
from sitool.verifiers.base import Court


class LikelihoodVerifier:
    """Scores a sample by pi(completion | prompt), the end token included, at T = 1.

    What the sampler has kept is used where the judge wrote the sample; else the
    completion is read once more.

    Source: the self-reward log pi(y|x) (Huang et al., "Self-Improvement in
    Language Models: The Sharpening Mechanism", ICLR 2025).
    """

    name: ClassVar[str] = "likelihood"
    source: ClassVar[str] = "likelihood"
    needs_model = True
    compares = False
    writes = False

    def __init__(self, court: Court) -> None:
        self._court = court
        self._reader: Any = None

    @property
    def asked(self) -> Mapping[str, Any]:
        """Who is asked."""
        model = self._court.model
        return {"base": model.name, "base_hash": model.base_hash, "round": self._court.number}

    def judge(self, samples: Sequence[Sample]) -> list[Score]:
        """Score each sample.

        Raises:
            VerifierError: Memory runs out in reading one completion alone.
        """
        logprobs = [
            sample.completion.logprob if self._court.is_writer else None for sample in samples
        ]
        missing = [place for place, logprob in enumerate(logprobs) if logprob is None]
        if missing:
            read = self._read([samples[place] for place in missing])
            for place, logprob in zip(missing, read, strict=True):
                logprobs[place] = logprob
        return [
            self.score(logprob or 0.0, len(sample.completion.token_ids))
            for sample, logprob in zip(samples, logprobs, strict=True)
        ]

    def _read(self, samples: Sequence[Sample]) -> list[float]:
        """Return the log-probabilities of completions that the judge reads."""
        model: Any = self._court.model
        if isinstance(model, ScriptedModel):
            return [logprob_of(model, s.problem, s.completion.text) for s in samples]
        if self._reader is None:
            from sitool.verifiers.passes import Reader

            self._reader = Reader(model)
        prompts = {s.problem.prompt: model.encode(s.problem.prompt) for s in samples}
        pairs = [(prompts[s.problem.prompt], s.completion.token_ids) for s in samples]
        found: list[float] = self._reader.completions(pairs)
        return found

    def score(self, logprob: float, tokens: int) -> Score:
        """Return the score of a completion with this log-probability, in nats."""
        said = f"{who(self._court)} gives the whole answer {share(logprob)} ({logprob:.2f} nats)."
        return Score(Outcome.SCORED, min(1.0, math.exp(logprob)), explanation=said)


def share(logprob: float) -> str:
    """Write a probability for a person, however small.

    >>> share(math.log(0.93)), share(-20.0), share(-2000.0)
    ('93 %', '2.1e-09', '2.6e-869')
    """
    if logprob > math.log(0.001):
        return f"{100 * math.exp(logprob):.3g} %"
    exponent = math.floor(logprob / math.log(10))
    return f"{math.exp(logprob - exponent * math.log(10)):.2g}e{exponent:03d}"
