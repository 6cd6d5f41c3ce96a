"""What an endpoint understands: found out once, by asking it for single tokens.

"OpenAI-compatible" leaves much open: whether a prompt may be token ids, whether
top_k is obeyed or ignored without a word, what a log-probability is of. So the
endpoint is asked, and believed only by what it does. Leaves out the samples
themselves (`server.py`).
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sitool.samplers.base import Decoding
from sitool.samplers.endpoint import Call, Endpoint
from sitool.samplers.replies import Choice, ShapeError, read_choice

logger = logging.getLogger(__name__)

COMPLETIONS = "/v1/completions"
SEEDS = 2**31 - 1
"""Servers keep 32 bits of a seed, and some take all ones for "any"."""
REFUSALS = frozenset({400, 415, 422, 500, 501})
"""Answers to a probe that say: not in this form."""
HOT = 2.0
"""A temperature at which tokens are not all alike; OpenAI allows no higher one."""
STRICTEST = {"top_p": 1e-6, "top_k": 1, "min_p": 1.0}
"""With any of these only the likeliest token is left."""
NEUTRAL = {"top_p": 1.0, "top_k": 0, "min_p": 0.0}
CHECK_TOKENS = 8
ONE_TOKEN = Decoding(max_new_tokens=1)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to ask an endpoint, and what to make of its numbers.

    Attributes:
        token_prompts: Prompts go as token ids; else as text.
        extras: Fields beyond OpenAI's are taken, such as top_k.
        logprobs: It gives log-probabilities.
        plain_logprobs: They are at temperature 1, whatever it samples at.
        stop_strings: They may be left to it, since it still gives every token.
    """

    token_prompts: bool
    extras: bool
    logprobs: bool
    plain_logprobs: bool = False
    stop_strings: bool = False


FORMS = tuple(
    Dialect(token_prompts, extras, logprobs)
    for token_prompts in (True, False)
    for extras, logprobs in ((True, True), (True, False), (False, True), (False, False))
)
"""What is tried, best first."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt in both forms.

    Attributes:
        text: As the ids read, special tokens included, without the first one that a
            server puts before every text by itself.
    """

    ids: tuple[int, ...]
    text: str


def completion_call(
    dialect: Dialect, model: str, prompt: Prompt, decoding: Decoding, seed: int
) -> Call:
    """Ask for one completion; everything that a server has a default of its own for is said."""
    greedy = decoding.temperature == 0
    body: dict[str, Any] = {
        "prompt": list(prompt.ids) if dialect.token_prompts else prompt.text,
        "max_tokens": decoding.max_new_tokens,
        "temperature": decoding.temperature,
        "top_p": 1.0 if greedy else decoding.top_p,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "seed": seed % SEEDS,
        "n": 1,
        "stream": False,
    }
    if model:
        body["model"] = model
    if dialect.extras:
        # The penalty is called repetition_penalty by vLLM and repeat_penalty by llama.cpp.
        body |= {
            "top_k": 0 if greedy else decoding.top_k,
            "min_p": 0.0 if greedy else decoding.min_p,
            "repetition_penalty": 1.0,
            "repeat_penalty": 1.0,
            "return_token_ids": True,
        }
    if dialect.logprobs:
        body["logprobs"] = 1
    if dialect.stop_strings and decoding.stop:
        body["stop"] = list(decoding.stop)
    return Call(COMPLETIONS, body)


def check_count(endpoint: Endpoint, choice: Choice, prompt: Prompt) -> None:
    """Make sure that the endpoint read a prompt as the base's tokenizer does.

    Raises:
        SamplerError: It counts other tokens than we.
    """
    if choice.prompt_tokens not in (None, len(prompt.ids)):
        raise endpoint.fail(
            COMPLETIONS,
            f"reads the prompt {prompt.text[-60:]!r} as {choice.prompt_tokens} tokens, where"
            f" model.base has {len(prompt.ids)}",
            "try: serve the very base that model.base names, with its own tokenizer",
        )


class Prober:
    """Asks an endpoint what it understands, with a prompt of the study's own.

    Args:
        model: The name of the model on the server; empty: the server has but one.
    """

    def __init__(self, endpoint: Endpoint, model: str, prompt: Prompt) -> None:
        self._endpoint, self._model, self._prompt = endpoint, model, prompt

    def find_dialect(self) -> Dialect:
        """Find the best form in which it answers.

        Raises:
            SamplerError: It answers in none, or not with a completion.
        """
        for form in FORMS[:-1]:
            choice = self._try(form)
            if choice is not None:
                break
        else:
            form, choice = FORMS[-1], self._ask(FORMS[-1], [(self._prompt, ONE_TOKEN, 0)])[0]
        check_count(self._endpoint, choice, self._prompt)
        if choice.logprobs is None:
            form = replace(form, logprobs=False)
        # llama-server cuts the log-probabilities, and with them the ids, at a stop string.
        given = choice.token_ids is not None and choice.pieces is not None
        form = replace(form, stop_strings=given)
        if form.logprobs:
            form = replace(form, plain_logprobs=self._are_logprobs_plain(form))
        self._say(form, choice)
        return form

    def _try(self, form: Dialect) -> Choice | None:
        """Return its answer; None if it does not take this form, or misreads the prompt."""
        call = completion_call(form, self._model, self._prompt, ONE_TOKEN, 0)
        reply = self._endpoint.ask(call, also=REFUSALS)
        if reply.status >= 500:
            # It may have stumbled over something else: once more.
            reply = self._endpoint.ask(call, also=REFUSALS)
        if reply.status in REFUSALS:
            return None
        choice = self._read(reply.body)
        misread = choice.prompt_tokens not in (None, len(self._prompt.ids))
        return None if misread and form.token_prompts else choice

    def _are_logprobs_plain(self, form: Dialect) -> bool:
        """Whether the likeliest token is as likely at a high temperature as at 1.

        Asked in the midst of a prompt, where the next token is less sure than
        after its end: of a sure token the temperature says nothing.
        """
        ids, text = self._prompt.ids, self._prompt.text
        prompt = Prompt(ids[: (len(ids) + 1) // 2], text[: (len(text) + 1) // 2])
        hot = replace(ONE_TOKEN, temperature=HOT)
        choices = self._ask(form, [(prompt, ONE_TOKEN, 0), (prompt, hot, 0)])
        cold_top, hot_top = (choice.top_logprob for choice in choices)
        if cold_top is None or hot_top is None:
            return False
        return math.isclose(cold_top, hot_top, rel_tol=0.02, abs_tol=1e-4)

    def check_honoured(self, form: Dialect, name: str, value: float) -> None:
        """Make sure that a filter of tokens is obeyed.

        At its strictest every seed has to give the same text, at whatever
        temperature. Where the model is sure of its text anyway, nothing shows.

        Raises:
            SamplerError: It is not.
        """
        fields = {**NEUTRAL, name: STRICTEST[name]}
        strict = Decoding(HOT, fields["top_p"], int(fields["top_k"]), fields["min_p"], CHECK_TOKENS)
        seeds = range(1, 5) if form.extras or name == "top_p" else ()
        choices = self._ask(form, [(self._prompt, strict, seed) for seed in seeds])
        if len({choice.text for choice in choices}) != 1:
            raise self._endpoint.fail(
                COMPLETIONS,
                f"does not obey {name}: sampler.{name} = {value:g} would be ignored",
                f"try: set sampler.{name} to {NEUTRAL[name]:g}, or use a server that knows it,"
                " such as vLLM or llama-server",
            )

    def _ask(
        self, form: Dialect, questions: Sequence[tuple[Prompt, Decoding, int]]
    ) -> list[Choice]:
        calls = [
            completion_call(form, self._model, prompt, decoding, seed)
            for prompt, decoding, seed in questions
        ]
        return [self._read(reply.body) for reply in self._endpoint.ask_all(calls)]

    def _read(self, body: bytes) -> Choice:
        return read_completion(self._endpoint, body)

    def _say(self, form: Dialect, choice: Choice) -> None:
        url = self._endpoint.url
        if not form.token_prompts:
            checked = "are counted" if choice.prompt_tokens is not None else "cannot be checked"
            logger.warning(
                "%s takes no token ids: prompts go as text, where templates can drift; its"
                " tokens %s", url, checked,
            )  # fmt: skip
        if choice.token_ids is None:
            logger.warning("%s returns no token ids: texts are encoded again here", url)
        if not form.logprobs:
            logger.warning("%s gives no log-probabilities", url)
        elif not form.plain_logprobs:
            logger.warning(
                "%s gives log-probabilities of the sampling temperature, which are kept at"
                " temperature 1 without top_p, top_k and min_p only", url,
            )  # fmt: skip


def read_completion(endpoint: Endpoint, body: bytes) -> Choice:
    """Read one completion.

    Raises:
        SamplerError: It is none.
    """
    try:
        return read_choice(body)
    except ShapeError as error:
        hint = "try: see whether server.url is that of an OpenAI-compatible completions server"
        raise endpoint.fail(COMPLETIONS, str(error), hint) from error
