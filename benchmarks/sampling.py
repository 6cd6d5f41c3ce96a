"""Sampling: the same samples drawn by the native sampler and by transformers' `generate`.

    python -m benchmarks.sampling                       # 64 path prompts x 16, the tiny base
    python -m benchmarks.sampling --large --threads 2   # Qwen2.5-0.5B's shape, four-shot prompts

Both draw at temperature 1 from all tokens and stop at the end token. Where there
is a GPU, --large is 64 prompts x 16 samples x 256 tokens in bfloat16.
"""

import torch

from benchmarks.bases import (
    benchmark_model,
    few_shot_prompts,
    half_billion,
    path_problems,
    requests_of,
)
from benchmarks.harness import Comparison, arguments, compare, show
from sitool.config import SamplerSettings, Settings
from sitool.models.local import LocalModel
from sitool.samplers.base import Decoding
from sitool.samplers.native import NativeSampler
from sitool.samplers.prompts import pad_left


class Work:
    """The same samples drawn in two ways; each returns how many tokens it has drawn.

    Args:
        samples: Of each prompt.
        new_tokens: Most of a sample.
        chunk_rows: Samples that the native sampler draws together.
        generating: What else `generate` is told, such as its cache.
    """

    def __init__(
        self,
        model: LocalModel,
        prompts: list[tuple[int, ...]],
        samples: int,
        new_tokens: int,
        chunk_rows: int,
        **generating: object,
    ) -> None:
        self._model, self._samples, self._new_tokens = model, samples, new_tokens
        self._generating = generating
        settings = Settings(sampler=SamplerSettings(chunk_rows=chunk_rows))
        self._sampler = NativeSampler(model, settings)
        self._requests = requests_of(prompts, samples)
        self._ids, self._mask = pad_left(prompts, model.end_token, model.device)

    def ours(self) -> int:
        """Draw with the native sampler and count the tokens."""
        chunks = self._sampler.sample(self._requests, Decoding(max_new_tokens=self._new_tokens))
        return sum(len(item.token_ids) for chunk in chunks for row in chunk for item in row)

    def peer(self) -> int:
        """Draw with `generate` and count the tokens."""
        with torch.inference_mode():
            ids = self._model.causal_lm.generate(
                self._ids,
                attention_mask=self._mask,
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                num_return_sequences=self._samples,
                max_new_tokens=self._new_tokens,
                pad_token_id=self._model.end_token,
                eos_token_id=self._model.end_token,
                **self._generating,
            )
        new = ids[:, self._ids.shape[1] :]
        ended = new == self._model.end_token
        lengths = torch.where(ended.any(1), ended.int().argmax(1) + 1, new.shape[1])
        self._model.decode_many(new.tolist())
        return int(lengths.sum())


def tiny(runs: int) -> tuple[list[Comparison], str]:
    """Draw 16 samples of each of 64 path prompts from the tiny base."""
    model, note = benchmark_model()
    prompts = [model.encode(problem.prompt) for problem in path_problems(64, seed=1)]
    works = {rows: Work(model, prompts, 16, 16, rows) for rows in (512, 1024)}
    comparisons = [
        compare(f"generate, chunks of {rows}", work.ours, work.peer, "tokens/s", runs)
        for rows, work in works.items()
    ]
    return comparisons, note


def large(runs: int) -> tuple[list[Comparison], str]:
    """Draw from random weights of Qwen2.5-0.5B's shape."""
    on_gpu = torch.cuda.is_available()
    model = half_billion("cuda" if on_gpu else "cpu")
    vocabulary = model.causal_lm.config.vocab_size
    if not on_gpu:
        work = Work(model, few_shot_prompts(4, 4, vocabulary), 8, 32, 512)
        found = [compare("generate, 4 prompts x 8 x 32", work.ours, work.peer, "tokens/s", runs)]
        return found, "base: random weights of Qwen2.5-0.5B's shape, float32"
    prompts = few_shot_prompts(64, 1, vocabulary)
    static = {"cache_implementation": "static"}
    works = {
        "generate, dynamic cache": Work(model, prompts, 16, 256, 1024),
        "generate, static cache": Work(model, prompts, 16, 256, 1024, **static),
    }
    return (
        [compare(name, work.ours, work.peer, "tokens/s", runs) for name, work in works.items()],
        f"base: random weights of Qwen2.5-0.5B's shape, {torch.cuda.get_device_name()}",
    )


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "", "--large")
    comparisons, note = (large if options.large else tiny)(options.runs)
    show(comparisons, options.json, note)


if __name__ == "__main__":
    main()
