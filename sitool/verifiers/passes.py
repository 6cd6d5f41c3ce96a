"""Reading texts with the network: what it makes of their last tokens, without drawing any.

Texts that begin alike are read once up to where they part, similar lengths go
together, and equal texts are read once. What this leaves out: what is asked.
"""

import inspect
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from sitool.errors import VerifierError
from sitool.models.local import LocalModel
from sitool.models.memory import unless_exhausted
from sitool.samplers import prompts
from sitool.samplers.prompts import LEAST_PREFIX, MOST_FILLER, Prompt, common_prefix

MOST_TOKENS = 32768
"""Of one batch, filler and what is only looked back at included."""
MOST_LOGITS = 2**26
"""Of one batch, over places and vocabulary: 256 MB."""


@dataclass(frozen=True, slots=True)
class Text:
    """Tokens to read.

    Attributes:
        beginning: What it shares with others; empty: nothing worth a pass of its own.
        ending: The rest.
        targets: What is looked for at the last places, one token a place.
        number: Tells it from the others.
    """

    beginning: Prompt
    ending: Prompt
    targets: Prompt
    number: int

    @property
    def length(self) -> int:
        """Return how many tokens it has."""
        return len(self.beginning) + len(self.ending)


class Reader:
    """Passes of texts through a model, as large as memory allows.

    Args:
        model: As it is when something is read.
    """

    def __init__(self, model: LocalModel) -> None:
        self._model = model
        self._most_tokens = MOST_TOKENS

    def verdicts(
        self, questions: Sequence[tuple[Hashable, Prompt]], words: tuple[int, int]
    ) -> list[tuple[float, float]]:
        """Return the log-probabilities of two tokens after each question.

        Args:
            questions: Each with what tells its problem, whose questions begin alike.
            words: The two tokens.

        Raises:
            VerifierError: Memory runs out in reading one question alone.
        """
        numbers = {question: number for number, (_, question) in enumerate(questions)}
        groups: dict[Hashable, list[Prompt]] = {}
        for question, problem in {question: problem for problem, question in questions}.items():
            groups.setdefault(problem, []).append(question)
        texts = []
        for group in groups.values():
            cut = len(common_prefix(group))
            texts += [Text(one[:cut], one[cut:], (0,), numbers[one]) for one in group]
        pair = torch.tensor(words, device=self._model.device)
        found: dict[int, tuple[float, float]] = {}
        for batch, logits in self._read(texts):
            rows = logits[:, -1].float().log_softmax(dim=-1)[:, pair].tolist()
            found |= {text.number: (row[0], row[1]) for text, row in zip(batch, rows, strict=True)}
        return [found[numbers[prompt]] for _, prompt in questions]

    def completions(self, pairs: Sequence[tuple[Prompt, Prompt]]) -> list[float]:
        """Return the log-probability of each completion after its prompt, in nats, at T = 1.

        Raises:
            VerifierError: Memory runs out in reading one completion alone.
        """
        numbers = {pair: number for number, pair in enumerate(pairs)}
        counts = Counter(prompt for prompt, _ in numbers)
        texts = []
        for (prompt, completion), number in numbers.items():
            shared = counts[prompt] > 1 and len(prompt) > LEAST_PREFIX
            cut = len(prompt) - 1 if shared else 0
            ending = prompt[cut:] + completion[:-1]
            texts.append(Text(prompt[:cut], ending, completion, number))
        found: dict[int, float] = {}
        for batch, logits in self._read([text for text in texts if text.targets]):
            sums = _sums(logits, [text.targets for text in batch])
            found |= {text.number: one for text, one in zip(batch, sums, strict=True)}
        return [found.get(numbers[pair], 0.0) for pair in pairs]

    def _read(self, texts: Sequence[Text]) -> Iterator[tuple[list[Text], Tensor]]:
        """Yield texts with the logits at their last places, [texts, places, vocabulary]."""
        if not self._can_share:
            texts = [Text((), t.beginning + t.ending, t.targets, t.number) for t in texts]
        left = sorted(texts, key=_by_length)
        with torch.inference_mode(), self._model.merged():
            run = Run(self._model)
            while left:
                batch = self._batch(left)
                logits = unless_exhausted(partial(run.read, batch))
                if logits is None:
                    self._shrink(batch)
                    continue
                left = left[len(batch) :]
                yield batch, logits

    @property
    def _can_share(self) -> bool:
        """Whether all layers simply keep what came before (no windows, no states)."""
        layers = DynamicCache(config=self._model.causal_lm.config).layers
        return all(type(layer) is DynamicLayer for layer in layers)

    def _batch(self, texts: Sequence[Text]) -> list[Text]:
        """Return the first texts that go together in one pass."""
        vocabulary = int(self._model.causal_lm.config.get_text_config().vocab_size)
        batch: list[Text] = []
        longest = places = total = 0
        for text in texts:
            longest, places = max(longest, text.length), max(places, len(text.targets))
            total += text.length
            rows = len(batch) + 1
            over = rows * longest > self._most_tokens or rows * places * vocabulary > MOST_LOGITS
            apart = bool(text.beginning) != bool(texts[0].beginning)
            filler = 0 if text.beginning else rows * longest - total
            if batch and (over or apart or filler > MOST_FILLER):
                break
            batch.append(text)
        return batch

    def _shrink(self, batch: Sequence[Text]) -> None:
        """Make batches half of what did not fit, and say so."""
        longest = max(text.length for text in batch)
        if len(batch) == 1:
            raise VerifierError(
                f"Memory runs out in judging one answer alone, a text of {longest:,} tokens.",
                "try: shorter prompts, or a smaller base",
            )
        self._most_tokens = len(batch) // 2 * longest
        self._model.notes.append(
            f"Memory ran out in verifying, so {len(batch) // 2:,} answers are read at once,"
            f" not {len(batch):,}; the scores are the same."
        )


class Run:
    """Passes through a model as it is now.

    Args:
        model: With its adapter merged, where it can be.
    """

    def __init__(self, model: LocalModel) -> None:
        self._model = model
        self._causal_lm = model.causal_lm
        self._accepts = frozenset(inspect.signature(self._causal_lm.forward).parameters)
        self._keep = 1

    def read(self, batch: Sequence[Text]) -> Tensor:
        """Return the logits at the last places of texts, [texts, places, vocabulary].

        Filler stands between a beginning and its ending, where a mask hides it.
        """
        device, filler = self._model.device, self._model.end_token
        ids, real = prompts.pad_left([text.ending for text in batch], filler, device)
        places = max(len(text.targets) for text in batch)
        if not batch[0].beginning:
            return self._forward(ids, _positions(real), None, real, places)
        beginnings = list(dict.fromkeys(text.beginning for text in batch))
        read = prompts.read(beginnings, self._last, self._new_cache, filler, device)
        number = {beginning: index for index, beginning in enumerate(beginnings)}
        source = torch.tensor([number[text.beginning] for text in batch], device=device)
        read.cache.batch_select_indices(source)
        past = read.cache.get_seq_length()
        before = real.new_ones(len(batch), past) if read.real is None else read.real[source]
        whole = torch.cat([before, real], dim=1)
        return self._forward(ids, _positions(whole)[:, past:], read.cache, whole, places)

    def _new_cache(self) -> DynamicCache:
        return DynamicCache(config=self._causal_lm.config)

    def _last(self, ids: Tensor, positions: Tensor, cache: Any, padding: Tensor | None) -> Tensor:
        """Read beginnings; nothing is wanted of them but their cache."""
        return self._forward(ids, positions, cache, padding, 1)[:, -1]

    def _forward(
        self, ids: Tensor, positions: Tensor, cache: Any, real: Tensor | None, places: int
    ) -> Tensor:
        optional = {"position_ids": positions, "logits_to_keep": places}
        known = {name: value for name, value in optional.items() if name in self._accepts}
        mask = None if real is None or bool(real.all()) else real
        with self._model.focused_at_end(ids, places):
            output = self._causal_lm(
                input_ids=ids,
                attention_mask=mask,
                past_key_values=cache,
                use_cache=cache is not None,
                **known,
            )
        logits: Tensor = output.logits[:, -places:]
        return logits


def _positions(real: Tensor) -> Tensor:
    return (real.cumsum(dim=1) - 1).clamp(min=0)


def _by_length(text: Text) -> tuple[bool, int, Prompt, int, int]:
    """Sort so that equal beginnings stand together, and similar lengths."""
    return bool(text.beginning), len(text.beginning), text.beginning, len(text.ending), text.number


def _sums(logits: Tensor, targets: Sequence[Prompt]) -> list[float]:
    """Add up the targets' log-probabilities; targets stand at the last places of a row."""
    wanted, real = prompts.pad_left(targets, 0, logits.device)
    logprobs = logits.float().log_softmax(dim=-1).gather(2, wanted[:, :, None])[:, :, 0]
    sums: list[float] = (logprobs.double() * real).sum(dim=1).tolist()
    return sums
