"""Measures how quickly a sampler draws from a base; a program of its own.

Takes settings and prompts as JSON, and prints one line of JSON: the fields of
`planning.trials.Trial`. What this leaves out: what the figures mean for a round.
"""

import json
import sys
import time
from typing import Any

from sitool import registry
from sitool.models.loading import load_model
from sitool.presets import parse_settings
from sitool.records import Problem
from sitool.samplers.base import Decoding, Request
from sitool.seeds import derive_seed

SMALL_ROWS = 4
FEW_TOKENS = 32
"""Most new tokens of a sample: enough for the pace, and done soon."""
LONG_ENOUGH_SECONDS = 2.0
"""Rows are doubled until a batch takes so long."""


def main() -> None:
    """Measure what the command line describes, and print."""
    body = json.loads(sys.argv[1])
    settings = parse_settings(body["settings"])
    model: Any = load_model(settings)
    sampler = registry.load("sampler", settings.sampler.name)(model, settings)
    most = min(settings.sampler.chunk_rows, settings.draw.problems * settings.draw.samples)
    prompts = [model.encode(prompt) for prompt in body["prompts"]]
    decoding = Decoding(max_new_tokens=min(settings.sampler.max_new_tokens, FEW_TOKENS))
    draw(sampler, prompts[:1], 1, decoding)  # What is made at the first use is not counted.
    small, seconds = draw(sampler, prompts[:1], SMALL_ROWS, decoding)
    rows, batch = SMALL_ROWS, small
    while rows < most and seconds < LONG_ENOUGH_SECONDS:
        rows = min(4 * rows, most)
        samples = min(settings.draw.samples, rows)
        count = max(1, rows // samples)
        some = [prompts[number % len(prompts)] for number in range(count)]
        batch, seconds = draw(sampler, some, samples, decoding)
    print(json.dumps({"small": small, "batch": batch, "rows": rows}))


def draw(
    sampler: Any, prompts: list[tuple[int, ...]], samples: int, decoding: Decoding
) -> tuple[float, float]:
    """Draw samples of prompts; return tokens a second, and the seconds."""
    requests = [
        Request(
            Problem("trial", 1, str(number), ""),
            prompt,
            tuple(derive_seed(number, sample) for sample in range(samples)),
        )
        for number, prompt in enumerate(prompts)
    ]
    started = time.perf_counter()
    tokens = sum(
        len(item.token_ids)
        for chunk in sampler.sample(requests, decoding)
        for row in chunk
        for item in row
    )
    seconds = time.perf_counter() - started
    return tokens / seconds, seconds
