"""Training, LoRA and full, against TRL's SFTTrainer and a plain loop.

The same samples, batches, steps, rank and optimizer; loss on completions only.
Two bases: the tiny one on path samples, and random weights of Qwen2.5-0.5B's
shape on samples of GSM8K's lengths. Where there is a GPU, all of it runs there in
bfloat16, with more samples; the names of the rows say so. TRL is the extra
`bench`; without it only the plain loop is the peer.
"""

import contextlib
import copy
import io
import random
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch.nn import functional

from benchmarks.bases import benchmark_model, path_problems, write_half_billion
from benchmarks.harness import Comparison, arguments, compare, gemm_rate, show
from sitool.config import ModelSettings, TrainerSettings
from sitool.models import lora
from sitool.models.local import LocalModel
from sitool.trainers.base import Example
from sitool.trainers.mle import MleTrainer
from sitool.trainers.schedule import batches

CUDA = torch.cuda.is_available()
Method = Literal["lora", "full"]


@dataclass(frozen=True, slots=True)
class Job:
    """What both sides do: these samples, on this base, under these settings."""

    name: str
    model: LocalModel
    examples: list[Example]
    settings: TrainerSettings

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens, filler not included."""
        once = sum(len(item.prompt_ids) + len(item.completion_ids) for item in self.examples)
        return self.settings.epochs * once

    def flops_per_token(self) -> float:
        """Return the operations that a token of this job needs, whoever does them.

        Full fine-tuning needs 6 N + 12 L h T a token: N weights in matrix
        products, L layers of width h, T tokens in a sample (Chowdhery et al.
        2022, arXiv 2204.02311, appendix B). With LoRA the base's weights need no
        gradient of their own, 2 N less, and the adapter's weights are added. The
        head counts on completion tokens only, where the loss is.
        """
        lm = self.model.causal_lm
        head = lm.get_output_embeddings().weight.numel()
        table = lm.get_input_embeddings().weight.numel()
        every = sum(p.numel() for p in lm.parameters() if p.ndim > 1)
        adapter = sum(p.numel() for p in lora.lora_parameters(self.model.network).values())
        is_tied = lm.config.tie_word_embeddings
        body = every - adapter - (table if is_tied else table + head)
        passes = 6 if self.settings.method == "full" else 4
        written = sum(len(item.completion_ids) for item in self.examples)
        share = self.settings.epochs * written / self.tokens
        length = self.tokens / len(self.examples) / self.settings.epochs
        attention = 12 * lm.config.num_hidden_layers * lm.config.hidden_size * length
        return float(passes * (body + share * head) + 6 * adapter + attention)


def tiny_job(method: Method) -> Job:
    """Return 512 path problems with their truths as the samples to learn."""
    rate = 2e-3 if method == "lora" else 2e-4
    settings = TrainerSettings(epochs=1, method=method, learning_rate=rate)
    model, _ = benchmark_model(settings, "cuda" if CUDA else "cpu")
    examples = [
        Example(model.encode(item.prompt), model.encode_completion(item.truth), item.level, 1.0)
        for item in path_problems(512, seed=2)
    ]
    return Job(f"tiny, {method}", model, examples, settings)


def half_billion_job(method: Method, folder: Path, samples: int) -> Job:
    """Return random tokens in GSM8K's lengths: prompts of 35 to 85, completions of 60 to 170."""
    settings = TrainerSettings(
        epochs=1, method=method, learning_rate=1e-5, batch_size=64 if CUDA else 4
    )
    device: Literal["cuda", "cpu"] = "cuda" if CUDA else "cpu"
    model = LocalModel.load(ModelSettings(base=str(folder), device=device), settings)
    source = random.Random(0)

    def draw(low: int, high: int) -> tuple[int, ...]:
        return tuple(source.randrange(151_936) for _ in range(source.randint(low, high)))

    examples = [Example(draw(35, 85), draw(60, 170), 1, 1.0) for _ in range(samples)]
    return Job(f"Qwen2.5-0.5B's shape, {method}", model, examples, settings)


def our_work(job: Job) -> Callable[[], int]:
    """Return a function that trains with `MleTrainer`."""
    trainer = MleTrainer(job.model, job.settings)

    def work() -> int:
        tokens = sum(step.tokens for step in trainer.train(job.examples, start=None, seed=0))
        return synchronized(tokens)

    return work


def plain_work(job: Job) -> Callable[[], int]:
    """Return a function that trains an adapter with the loop that anyone would write."""
    model, examples, settings = job.model, job.examples, job.settings

    def work() -> int:
        model.fresh_adapter(seed=0)
        parameters = list(lora.lora_parameters(model.network).values())
        optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=0)
        for numbers in batches(len(examples), settings, seed=0):
            ids, mask, labels = _padded([examples[number] for number in numbers], model.device)
            logits = model.network(input_ids=ids, attention_mask=mask).logits[:, :-1]
            loss = functional.cross_entropy(logits.flatten(0, 1).float(), labels[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters, settings.clip_norm)
            optimizer.step()
        return synchronized(job.tokens)

    return work


def synchronized(tokens: int) -> int:
    """Wait for the GPU, if there is one, before the clock is read."""
    if CUDA:
        torch.cuda.synchronize()
    return tokens


def _padded(
    batch: list[Example], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    longest = max(len(item.prompt_ids) + len(item.completion_ids) for item in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, item in enumerate(batch):
        start, end = len(item.prompt_ids), len(item.prompt_ids) + len(item.completion_ids)
        ids[row, :end] = torch.tensor([*item.prompt_ids, *item.completion_ids])
        labels[row, start:end] = ids[row, start:end]
        mask[row, :end] = 1
    return ids.to(device), mask.to(device), labels.to(device)


def trl_work(job: Job, folder: str) -> Callable[[], int]:
    """Return a function that trains with TRL; only its `train()` does the work.

    Raises:
        ImportError: TRL is not installed.
    """
    import datasets
    import trl

    datasets.disable_progress_bars()
    rows = [
        {
            "input_ids": [*item.prompt_ids, *item.completion_ids],
            "completion_mask": [0] * len(item.prompt_ids) + [1] * len(item.completion_ids),
        }
        for item in job.examples
    ]
    config = trl.SFTConfig(
        output_dir=folder,
        num_train_epochs=job.settings.epochs,
        per_device_train_batch_size=job.settings.batch_size,
        learning_rate=job.settings.learning_rate,
        lr_scheduler_type="constant",
        max_grad_norm=job.settings.clip_norm,
        completion_only_loss=True,
        gradient_checkpointing=False,
        bf16=CUDA,
        fp16=False,
        use_cpu=not CUDA,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        dataloader_num_workers=0,
    )
    made = trl.SFTTrainer(
        model=copy.deepcopy(job.model.network),
        args=config,
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=job.model.tokenizer,
    )

    def work() -> int:
        made.train()
        return synchronized(job.tokens)

    return work


def jobs(only: str) -> Iterator[Job]:
    """Make the jobs whose names hold a text, one after the other."""
    methods: tuple[Method, ...] = ("lora", "full")
    for method in methods:
        if only in f"tiny, {method}":
            yield tiny_job(method)
    with tempfile.TemporaryDirectory() as folder:
        # All weights, their gradients and moments, twice: more than a small machine holds.
        asked = [m for m in methods[: 2 if CUDA else 1] if only in f"Qwen2.5-0.5B's shape, {m}"]
        if asked:
            write_half_billion(Path(folder), torch.bfloat16 if CUDA else torch.float32)
        for method in asked:
            yield half_billion_job(method, Path(folder), samples=512 if CUDA else 8)


def measure(job: Job, runs: int, peak: float) -> Iterator[Comparison]:
    """Time a job against each peer that there is."""
    where = " (CUDA, bf16)" if CUDA else ""
    peers = {}
    if job.name == "tiny, lora":
        peers["a plain loop"] = plain_work(job)
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.suppress(ImportError):
            peers["TRL"] = trl_work(job, folder)
        for peer, work in peers.items():
            with contextlib.redirect_stdout(io.StringIO()):
                found = compare(
                    f"{job.name}{where}, against {peer}", our_work(job), work, "tokens/s", runs
                )
            used = found.ours * job.flops_per_token() / peak
            yield replace(found, utilisation=round(used, 4))


def main() -> None:
    """Measure and print."""
    options = arguments(
        __doc__ or "", only="only jobs whose names hold this: tiny, Qwen, lora, full"
    )
    warnings.simplefilter("ignore")
    peak = gemm_rate("cuda" if CUDA else "cpu", torch.bfloat16 if CUDA else torch.float32)
    found = [c for job in jobs(options.only) for c in measure(job, options.runs, peak)]
    note = f"GEMM rate: {peak / 1e9:,.0f} GFLOP/s (2048 square, best of 10)"
    if not any("TRL" in comparison.name for comparison in found):
        note += "; TRL is not installed: pip install 'sitool[bench]'"
    show(found, options.json, note)


if __name__ == "__main__":
    main()
