"""Answers from the problem's own truth, right as often as the scripted model's skill says.

A product for learning the app without waiting, and for tests: quick, seeded,
and with a law that is known exactly.
"""

import math
import random
from collections.abc import Iterator, Sequence

from sitool.config import Settings
from sitool.models.scripted import ScriptedModel
from sitool.records import Completion, Problem
from sitool.samplers import stopping
from sitool.samplers.base import Decoding, Request, check_prompt
from sitool.samplers.chunking import chunks
from sitool.seeds import generator

WRONG_SHARE = 0.8
"""Of the failures: plausible but wrong. The others hold no answer at all."""

NO_ANSWER = "?"


class ScriptedSampler:
    """Draws right, wrong and unreadable answers from each sample's own seed."""

    def __init__(self, model: ScriptedModel, settings: Settings) -> None:
        self._model = model
        self._chunk_rows = settings.sampler.chunk_rows

    def sample(
        self, requests: Sequence[Request], decoding: Decoding
    ) -> Iterator[list[list[Completion]]]:
        """Yield chunk after chunk: for each request, its completions.

        Raises:
            SamplerError: A prompt is empty.
        """
        for request in requests:
            check_prompt(request, None)
        for chunk in chunks(requests, self._chunk_rows):
            yield [
                [self._complete(request.problem, seed, how) for seed, how in request.ways(decoding)]
                for request in chunk
            ]

    def _complete(self, problem: Problem, seed: int, decoding: Decoding) -> Completion:
        greedy = decoding.temperature == 0
        source = generator("greedy", problem.key) if greedy else generator(seed)
        text, probability = self._answer(problem, source)
        tokens = self._model.encode_completion(text)
        finish = "stop" if len(tokens) <= decoding.max_new_tokens else "length"
        tokens = tokens[: decoding.max_new_tokens]
        logprobs = (math.log(probability), *(0.0 for _ in tokens[1:]))
        drawn = Completion(tokens, self._model.decode(tokens), finish, logprobs)
        return stopping.end_at(drawn, self._model.decode, decoding.stop)

    def _answer(self, problem: Problem, source: random.Random) -> tuple[str, float]:
        """Return a text and the probability of its kind."""
        success = self._model.success(problem.level)
        uniform = source.random()
        if uniform < success:
            return problem.truth, success
        failure = 1 - success
        if uniform < success + WRONG_SHARE * failure:
            # A judge's question has one wrong answer, which it brings.
            wrong = problem.facts.get("wrong") or wrong_text(problem.truth, source)
            return wrong, WRONG_SHARE * failure
        return NO_ANSWER, (1 - WRONG_SHARE) * failure


def logprob_of(model: ScriptedModel, problem: Problem, text: str) -> float:
    """Return the log-probability that a scripted model gives to a text's kind."""
    success = model.success(problem.level)
    failure = (1 - success) * (1 - WRONG_SHARE if text == NO_ANSWER else WRONG_SHARE)
    return math.log(max(success if text == problem.truth else failure, 1e-300))


def wrong_text(truth: str, source: random.Random) -> str:
    """Return a text that looks like the truth and is not it.

    Two of its characters change places, or one is changed, or the end is lost.

    >>> wrong_text("aa", random.Random(0)) != "aa"
    True
    """
    place = source.randrange(len(truth)) if truth else 0
    cut, swapped = truth[:-1], truth[:place] + truth[place : place + 2][::-1] + truth[place + 2 :]
    if len(truth) > 1 and source.random() < 0.3:
        return cut
    return swapped if swapped != truth else truth[:place] + _other(truth[place : place + 1])


def _other(character: str) -> str:
    """Return another digit for a digit, another letter for a letter."""
    if character.isdigit():
        return str((int(character) + 1) % 10)
    return "b" if character == "a" else "a"
