"""How quickly the model judges its own answers in one pass each (`mc`), against plain passes.

The peer puts question after question into padded batches and takes the logits after
the last token: what one writes with transformers in ten lines. Ours reads what the
questions about one problem have in common once, asks about equal answers once, and
runs the last layer at the last token alone. Both verdicts are compared first.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

import sitool
from benchmarks.harness import arguments, compare, show
from sitool.config import Settings
from sitool.models.local import LocalModel
from sitool.models.verdict import CORRECT, INCORRECT, verdict_prompt
from sitool.parts import Parts
from sitool.records import Sample
from sitool.scoring import VERIFY_CHUNK
from sitool.store import SampleFilter, Store

BATCH = 256
SETTINGS = ("evaluation.samples=20", "model.device=cpu")
"""512 held-out problems of `path` with 20 sampled answers each: 10,240 samples."""


def held_out(folder: Path, threads: int) -> tuple[Settings, list[Sample]]:
    """Let the base answer; return the settings and its sampled answers."""
    study = sitool.create(folder, "path", assignments=[*SETTINGS, f"model.threads={threads}"])
    study.run(0, inline=True)
    settings = study.settings
    study.close()
    store = Store(folder)
    samples = list(store.samples.each(SampleFilter(round=0, role="sampled")))
    store.close()
    return settings, samples


def ours(parts: Parts, settings: Settings, samples: Sequence[Sample]) -> list[float]:
    """Return the verdicts as a round makes them, a chunk after the other."""
    scorer = parts.scorer("mc", settings)
    parts.model.use_adapter(None)
    found: list[float] = []
    for start in range(0, len(samples), VERIFY_CHUNK):
        found += [s.value or 0.0 for s in scorer.score(samples[start : start + VERIFY_CHUNK])]
    return found


def peer(model: LocalModel, samples: Sequence[Sample]) -> list[float]:
    """Return the verdicts of plain passes over padded batches."""
    words = [model.encode_completion(word)[0] for word in (CORRECT, INCORRECT)]
    tokenizer = model.tokenizer
    tokenizer.padding_side = "left"
    found: list[float] = []
    for start in range(0, len(samples), BATCH):
        texts = [verdict_prompt(s.problem.prompt, s.completion.text)
                 for s in samples[start : start + BATCH]]  # fmt: skip
        inputs = tokenizer(texts, return_tensors="pt", padding=True)
        with torch.inference_mode():
            logits = model.causal_lm(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
            ).logits[:, -1]
        found += logits[:, words].softmax(dim=1)[:, 0].tolist()
    return found


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as name:
        settings, samples = held_out(Path(name) / "study", options.threads)
    parts = Parts.make(settings)
    model = LocalModel.load(settings.model, settings.trainer)
    pairs = zip(ours(parts, settings, samples), peer(model, samples), strict=True)
    apart = max(abs(mine - theirs) for mine, theirs in pairs)
    if apart > 1e-4:
        raise SystemExit(f"the verdicts differ by {apart:.2g}")
    found = compare(
        f"mc, {len(samples):,} samples of the tiny base",
        lambda: len(ours(parts, settings, samples)),
        lambda: len(peer(model, samples)),
        "samples/s",
        options.runs,
    )
    parts.close()
    show([found], options.json, f"ours: {len(samples) / found.ours:.1f} s for all of them")


if __name__ == "__main__":
    main()
