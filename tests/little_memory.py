"""A process that trains or samples on the tiny base with little memory left, for real.

    python little_memory.py train|sample MEGABYTES

The limit is the kernel's, on the address space: so many megabytes more than
after loading; 0 is no limit. Prints a JSON object {"notes", "result"}.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

import torch

from sitool.config import ModelSettings, SamplerSettings, Settings, TrainerSettings
from sitool.models.local import LocalModel
from sitool.records import Problem
from sitool.samplers.base import Decoding, Request
from sitool.samplers.native import NativeSampler
from sitool.seeds import derive_seed
from sitool.trainers.base import Example
from sitool.trainers.mle import MleTrainer

SETTINGS = TrainerSettings(epochs=1, batch_size=192, micro_tokens=1_000_000)


def train(model: LocalModel) -> list[float]:
    """Take one step on 192 samples of 70 tokens and return its loss."""
    prompts = [tuple(1 + (i * 7 + j) % 50 for j in range(60)) for i in range(192)]
    examples = [Example(prompt, prompt[7:17], 1, 1.0) for prompt in prompts]
    return [step.loss for step in MleTrainer(model, SETTINGS).train(examples, start=None, seed=0)]


def sample(model: LocalModel) -> list[list[int]]:
    """Draw one chunk of 2,048 samples and return their tokens."""
    sampler = NativeSampler(model, Settings(sampler=SamplerSettings(chunk_rows=4096)))
    text = "ab,bc,cd,de,ef,fg|a>g="
    seeds = tuple(derive_seed("little memory", number) for number in range(2048))
    request = Request(Problem("path", 6, text, ""), model.encode(text), seeds)
    (chunk,) = sampler.sample([request], Decoding(max_new_tokens=24))
    return [list(completion.token_ids) for completion in chunk[0]]


def leave(megabytes: int) -> None:
    """Allow this process so much more address space than it has now."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    now = next(int(line.split()[1]) for line in lines if line.startswith("VmSize"))
    resource.setrlimit(resource.RLIMIT_AS, ((now << 10) + (megabytes << 20), -1))


def main(what: str, megabytes: int) -> None:
    """Do the work and print what came of it."""
    torch.set_num_threads(1)
    model = LocalModel.load(ModelSettings(base="tiny", device="cpu"), SETTINGS)
    if megabytes:
        leave(megabytes)
    work: Any = {"train": train, "sample": sample}[what]
    print(json.dumps({"result": work(model), "notes": model.notes}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
