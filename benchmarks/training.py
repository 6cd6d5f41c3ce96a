"""Training: LoRA on 512 path samples, against TRL's SFTTrainer and a plain loop.

The same samples, batches of 64, steps, rank and optimizer; loss on completions
only. TRL is the extra `bench`; without it only the plain loop is the peer.
"""

import contextlib
import copy
import io
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from benchmarks.bases import benchmark_model, path_problems
from benchmarks.harness import arguments, compare, show
from sitool.config import TrainerSettings
from sitool.models import lora
from sitool.models.local import LocalModel
from sitool.trainers.base import Example
from sitool.trainers.mle import MleTrainer, batches

SAMPLES = 512
SETTINGS = TrainerSettings(epochs=1)


def examples_for(model: LocalModel) -> list[Example]:
    """Return path problems with their truths as the samples to learn."""
    return [
        Example(model.encode(item.prompt), model.encode_completion(item.truth), item.level, 1.0)
        for item in path_problems(SAMPLES, seed=2)
    ]


def token_count(examples: list[Example]) -> int:
    """Count prompt and completion tokens, padding not included."""
    return SETTINGS.epochs * sum(
        len(item.prompt_ids) + len(item.completion_ids) for item in examples
    )


def our_work(model: LocalModel, examples: list[Example]) -> Callable[[], int]:
    """Return a function that trains with `MleTrainer`."""

    def work() -> int:
        trainer = MleTrainer(model, SETTINGS)
        return sum(step.tokens for step in trainer.train(examples, start=None, seed=0))

    return work


def plain_work(model: LocalModel, examples: list[Example]) -> Callable[[], int]:
    """Return a function that trains with the loop that anyone would write."""

    def work() -> int:
        model.fresh_adapter(seed=0)
        parameters = list(lora.lora_parameters(model.network).values())
        optimizer = torch.optim.AdamW(parameters, lr=SETTINGS.learning_rate, weight_decay=0)
        for numbers in batches(len(examples), SETTINGS, seed=0):
            ids, mask, labels = _padded([examples[number] for number in numbers])
            logits = model.network(input_ids=ids, attention_mask=mask).logits[:, :-1]
            loss = functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters, SETTINGS.clip_norm)
            optimizer.step()
        return token_count(examples)

    return work


def _padded(batch: list[Example]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    longest = max(len(item.prompt_ids) + len(item.completion_ids) for item in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, item in enumerate(batch):
        start, end = len(item.prompt_ids), len(item.prompt_ids) + len(item.completion_ids)
        ids[row, :end] = torch.tensor([*item.prompt_ids, *item.completion_ids])
        labels[row, start:end] = ids[row, start:end]
        mask[row, :end] = 1
    return ids, mask, labels


def trl_work(model: LocalModel, examples: list[Example], folder: str) -> Callable[[], int]:
    """Return a function that trains with TRL; only its `train()` does the work.

    Raises:
        ImportError: TRL is not installed.
    """
    import datasets
    import trl

    rows = [
        {
            "input_ids": [*item.prompt_ids, *item.completion_ids],
            "completion_mask": [0] * len(item.prompt_ids) + [1] * len(item.completion_ids),
        }
        for item in examples
    ]
    config = trl.SFTConfig(
        output_dir=folder,
        num_train_epochs=SETTINGS.epochs,
        per_device_train_batch_size=SETTINGS.batch_size,
        learning_rate=SETTINGS.learning_rate,
        lr_scheduler_type="constant",
        max_grad_norm=SETTINGS.clip_norm,
        completion_only_loss=True,
        gradient_checkpointing=False,
        bf16=False,
        fp16=False,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        dataloader_num_workers=0,
    )
    dataset = datasets.Dataset.from_list(rows)
    network = copy.deepcopy(model.network)

    def trainer() -> Any:
        return trl.SFTTrainer(
            model=network, args=config, train_dataset=dataset, processing_class=model.tokenizer
        )

    made = trainer()

    def work() -> int:
        made.train()
        return token_count(examples)

    return work


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "")
    warnings.simplefilter("ignore")
    model, note = benchmark_model()
    examples = examples_for(model)
    ours = our_work(model, examples)
    comparisons = [
        compare(
            "training against a plain loop",
            ours,
            plain_work(model, examples),
            "tokens/s",
            options.runs,
        )
    ]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        try:
            peer = trl_work(model, examples, folder)
        except ImportError:
            note += "; TRL is not installed: pip install 'sitool[bench]'"
        else:
            comparisons.append(
                compare("training against TRL's SFTTrainer", ours, peer, "tokens/s", options.runs)
            )
    show(comparisons, options.json, note)


if __name__ == "__main__":
    main()
