"""llama.cpp: an adapter's swap against a merged reload, and sampling against its peers.

    python -m benchmarks.llamacpp                 # the tiny base
    python -m benchmarks.llamacpp --qwen          # random weights of Qwen2.5-0.5B's shape, f16
    python -m benchmarks.llamacpp --qwen --few-shot --threads 2 --runs 3 --only native

What is compared, in one process and by turns:

* the swap of an adapter into a loaded base, beside merging it into the weights,
  writing them as GGUF and loading the file, both up to the first token after it;
* sampling beside llama-cpp-python's own class, which draws one sample after the
  other, and beside `native`, at batches of 1, 8 and 64 sequences;
* with `--few-shot`, both our samplers beside that class on four-shot prompts.

Needs the extra `llamacpp`.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from benchmarks.bases import (
    benchmark_model,
    few_shot_prompts,
    path_problems,
    requests_of,
    write_half_billion,
)
from benchmarks.harness import Comparison, compare, show
from sitool.config import (
    LlamacppSettings,
    ModelSettings,
    SamplerSettings,
    Settings,
    TrainerSettings,
)
from sitool.models import lora
from sitool.models.gguf import files
from sitool.models.gguf.runtime import Context, LoadedFile, Room, Token
from sitool.models.local import LocalModel
from sitool.samplers.base import Decoding, Request, Sampler
from sitool.samplers.llamacpp import LlamacppSampler
from sitool.samplers.native import NativeSampler
from sitool.seeds import derive_seed

SAMPLES = 8


def qwen_shaped(folder: Path, dtype: Literal["float32", "bfloat16"]) -> LocalModel:
    """Write and load random weights of Qwen2.5-0.5B's shape, with the tiny base's tokenizer."""
    write_half_billion(folder, torch.float32, benchmark_model()[0].tokenizer)
    settings = ModelSettings(base=str(folder), device="cpu", dtype=dtype)
    return LocalModel.load(settings, TrainerSettings())


def give_adapter(model: LocalModel, seed: int) -> None:
    """Give the adapter weights that matter."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for weight in lora.lora_parameters(model.network).values():
            weight.normal_(0, 0.01)


class Swap:
    """An adapter that has just learnt becomes what llama.cpp computes with, in two ways."""

    def __init__(self, model: LocalModel, settings: Settings, folder: Path) -> None:
        self._model = model
        self._settings = settings
        self._sampler = LlamacppSampler(model, settings)
        self._file = folder / "merged.gguf"
        self._turns = 0

    def _learn(self) -> None:
        self._turns += 1
        with torch.no_grad():
            next(iter(lora.lora_parameters(self._model.network).values())).add_(1e-3)

    def ours(self) -> float:
        """Swap the adapter and draw one token."""
        self._learn()
        count_tokens(self._sampler, requests_for(self._model, 1, 1), 1)
        return 1.0

    def peer(self) -> float:
        """Merge the adapter, write the whole base, load it and draw one token."""
        self._learn()
        precision = self._settings.llamacpp.dtype
        files.write_base(self._model, self._file, precision, merged=True)
        context = Context(
            LoadedFile(self._file),
            Room(256, 1, 256, 1),
            threads=torch.get_num_threads(),
            exact=self._settings.llamacpp.exact,
        )
        prompt = requests_for(self._model, 1, 1)[0].prompt_ids
        last = len(prompt) - 1
        context.run([Token(id_, place, (0,), place == last) for place, id_ in enumerate(prompt)])
        context.close()
        return 1.0


class OneByOne:
    """llama-cpp-python's own class: one sample after the other, the adapter beside the base."""

    def __init__(self, model: LocalModel, settings: Settings, folder: Path) -> None:
        import llama_cpp

        precision = settings.llamacpp.dtype
        files.write_base(model, folder / "base.gguf", precision)
        files.write_adapter(model, folder / "adapter.gguf")
        self._end = model.end_token
        threads = torch.get_num_threads()
        self._llama: Any = llama_cpp.Llama(
            str(folder / "base.gguf"),
            lora_path=str(folder / "adapter.gguf"),
            n_ctx=512,
            n_threads=threads,
            n_threads_batch=threads,
            verbose=False,
        )

    def count_tokens(self, requests: Iterable[Request], limit: int) -> int:
        """Draw all samples and count the tokens."""
        total = 0
        for request in requests:
            for seed in request.seeds:
                self._llama.set_seed(seed % 2**32)
                stream = self._llama.generate(
                    list(request.prompt_ids), temp=1.0, top_k=0, top_p=1.0, min_p=0.0
                )
                for number, token in enumerate(stream, start=1):
                    total += 1
                    if token == self._end or number == limit:
                        break
        return total


def requests_for(model: LocalModel, prompts: int, samples: int) -> list[Request]:
    """Return path problems, each to be answered several times."""
    return [
        Request(
            problem,
            model.encode(problem.prompt),
            tuple(derive_seed("llamacpp", number, sample) for sample in range(samples)),
        )
        for number, problem in enumerate(path_problems(prompts, seed=2))
    ]


def count_tokens(sampler: Sampler, requests: list[Request], limit: int) -> int:
    """Draw all samples and count the tokens."""
    chunks = sampler.sample(requests, Decoding(max_new_tokens=limit))
    return sum(len(item.token_ids) for chunk in chunks for row in chunk for item in row)


def compare_sampling(
    model: LocalModel, settings: Settings, options: argparse.Namespace, folder: Path
) -> list[Comparison]:
    """Compare tokens a second at each number of sequences."""
    one_by_one = OneByOne(model, settings, folder)
    found = []
    for sequences in options.sequences:
        samples = min(sequences, SAMPLES)
        requests = requests_for(model, max(options.prompts, sequences // samples), samples)
        beside = settings.llamacpp.model_copy(update={"sequences": sequences})
        ours = LlamacppSampler(model, settings.model_copy(update={"llamacpp": beside}))
        rows = SamplerSettings(chunk_rows=sequences)
        native = NativeSampler(model, settings.model_copy(update={"sampler": rows}))

        def drawn(sampler: Sampler, requests: list[Request] = requests) -> Callable[[], float]:
            return lambda: count_tokens(sampler, requests, options.tokens)

        def one_after_another(requests: list[Request] = requests) -> float:
            return one_by_one.count_tokens(requests, options.tokens)

        for peer, work in (("its own class", one_after_another), ("native", drawn(native))):
            name = f"{sequences} sequences, against {peer}"
            found.append(compare(name, drawn(ours), work, "tokens/s", options.runs))
    return found


def compare_few_shot(
    model: LocalModel, settings: Settings, runs: int, folder: Path, only: str
) -> list[Comparison]:
    """Compare tokens a second on 4 four-shot prompts x 8 samples x 32 tokens."""
    one_by_one = OneByOne(model, settings, folder)
    prompts = few_shot_prompts(4, 4, model.causal_lm.config.vocab_size)
    requests = requests_of(prompts, SAMPLES)
    samplers: dict[str, Sampler] = {
        "native": NativeSampler(model, settings),
        "llamacpp": LlamacppSampler(model, settings),
    }
    return [
        compare(
            f"4 prompts x 8 x 32, {name} against its own class",
            partial(count_tokens, sampler, requests, 32),
            partial(one_by_one.count_tokens, requests, 32),
            "tokens/s",
            runs,
        )
        for name, sampler in samplers.items()
        if only in name
    ]


def read_options() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each (default: 5)")
    parser.add_argument("--prompts", type=int, default=8, help="problems (default: 8)")
    parser.add_argument(
        "--sequences", type=int, nargs="+", default=[1, 8, 64], help="(default: 1 8 64)"
    )
    parser.add_argument("--tokens", type=int, default=16, help="most of a sample (default: 16)")
    parser.add_argument("--qwen", action="store_true", help="Qwen2.5-0.5B's shape, at f16")
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16"), default="float32", help="of native with --qwen"
    )
    parser.add_argument("--few-shot", action="store_true", help="four-shot prompts alone")
    parser.add_argument("--only", default="", help="of --few-shot: native or llamacpp")
    parser.add_argument("--fast", action="store_true", help="flash attention, half-precision keys")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def main() -> None:
    """Measure and print."""
    options = read_options()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = name  # A converted base of this size is not worth keeping.
        model, note = (
            (
                qwen_shaped(folder / "qwen", options.dtype),
                f"base: random weights of Qwen2.5-0.5B's shape, native at {options.dtype}",
            )
            if options.qwen
            else benchmark_model()
        )
        give_adapter(model, seed=0)
        settings = Settings(
            llamacpp=LlamacppSettings(
                dtype="f16" if options.qwen else "f32", exact=not options.fast
            )
        )
        if options.few_shot:
            found = compare_few_shot(model, settings, options.runs, folder, options.only)
            show(found, options.json, note)
            return
        swap = Swap(model, settings, folder)
        name_of_swap = "swap of an adapter, against a merged reload"
        swaps = compare(name_of_swap, swap.ours, swap.peer, "swaps/s", options.runs)
        found = compare_sampling(model, settings, options, folder)
        note += f"; a swap: {1000 / swaps.ours:,.1f} ms, a reload: {1000 / swaps.peer:,.1f} ms"
        show([swaps, *found], options.json, note)


if __name__ == "__main__":
    main()
