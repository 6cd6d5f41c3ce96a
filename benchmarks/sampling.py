"""Sampling: 64 path prompts x 16 samples, against transformers' `generate`.

Both draw at temperature 1 from all tokens and stop at the end token.
"""

import torch

from benchmarks.bases import benchmark_model, path_problems
from benchmarks.harness import arguments, compare, show
from sitool.config import SamplerSettings, Settings
from sitool.models.local import LocalModel
from sitool.samplers.base import Decoding, Request
from sitool.samplers.native import NativeSampler
from sitool.seeds import derive_seed

PROMPTS, SAMPLES, NEW_TOKENS = 64, 16, 16


def requests_for(model: LocalModel) -> list[Request]:
    """Return the benchmark's requests."""
    return [
        Request(
            problem,
            model.encode(problem.prompt),
            tuple(derive_seed(number, sample) for sample in range(SAMPLES)),
        )
        for number, problem in enumerate(path_problems(PROMPTS, seed=1))
    ]


class Work:
    """The same samples drawn in two ways; each returns what it has drawn."""

    def __init__(self, model: LocalModel, chunk_rows: int) -> None:
        self._model = model
        self._requests = requests_for(model)
        settings = Settings(sampler=SamplerSettings(chunk_rows=chunk_rows))
        self._sampler = NativeSampler(model, settings)
        model.tokenizer.padding_side = "left"
        self._inputs = model.tokenizer(
            [request.problem.prompt for request in self._requests],
            return_tensors="pt",
            padding=True,
        )
        self._inputs.pop("token_type_ids", None)

    def ours(self) -> int:
        """Draw with the native sampler and count the tokens."""
        decoding = Decoding(max_new_tokens=NEW_TOKENS)
        chunks = self._sampler.sample(self._requests, decoding)
        return sum(
            len(completion.token_ids) for chunk in chunks for row in chunk for completion in row
        )

    def peer(self) -> int:
        """Draw with `generate` and count the tokens."""
        with torch.inference_mode():
            ids = self._model.causal_lm.generate(
                **self._inputs,
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                num_return_sequences=SAMPLES,
                max_new_tokens=NEW_TOKENS,
                pad_token_id=self._model.end_token,
                eos_token_id=self._model.end_token,
            )
        new = ids[:, self._inputs["input_ids"].shape[1] :]
        ended = new == self._model.end_token
        lengths = torch.where(ended.any(1), ended.int().argmax(1) + 1, new.shape[1])
        self._model.decode_many(new.tolist())
        return int(lengths.sum())


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "")
    model, note = benchmark_model()
    comparisons = []
    for chunk_rows in (512, 1024):
        work = Work(model, chunk_rows)
        name = f"sampling against generate, chunks of {chunk_rows}"
        comparisons.append(compare(name, work.ours, work.peer, "tokens/s", options.runs))
    per_second = PROMPTS * SAMPLES / Work(model, 512).ours() * comparisons[0].ours
    show(comparisons, options.json, f"{note}; ours: {per_second:,.0f} samples/s")


if __name__ == "__main__":
    main()
