"""One whole round of the default preset, against the same round written with the peers.

The peer draws the same problems, samples and evaluates with transformers'
`generate`, selects by the same rule and trains with TRL's SFTTrainer. It keeps
nothing on disk; ours writes every sample, score and event to the study. Models
are loaded before the clock starts on both sides. Each has a process of its own, and they
run by turns.

    python -m benchmarks.round                             # one thread each
    python -m benchmarks.round --threads 2                 # two threads each
    python -m benchmarks.round --threads 2 --processes     # ours in two processes of one thread
"""

import contextlib
import gc
import io
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

import sitool
from benchmarks.harness import arguments, compare, show
from sitool import loop, selection
from sitool.draws import draw_level, evaluation_problems
from sitool.models.local import LocalModel
from sitool.parts import Parts, make_task
from sitool.records import Problem
from sitool.store import Store

GENERATE_ROWS = 512


def measure_base(folder: Path, threads: int, processes: int) -> None:
    """Found a study with these settings, and measure its base."""
    options = [f"model.threads={threads}", f"engine.processes={processes}", "model.device=cpu"]
    study = sitool.create(folder, "path", assignments=options)
    study.run(0)
    study.close()


class OurRound:
    """Round 1 of a study whose base is measured, run again and again from a copy."""

    def __init__(self, measured: Path, threads: int) -> None:
        self._measured, self._copy = measured, measured.with_name("copy")
        study = sitool.open(measured)
        self.parts = Parts.make(study.settings)
        study.close()

    def work(self) -> int:
        """Run one round and return 1."""
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self._measured, self._copy)
        store = Store(self._copy)
        round_ = loop.open_round(store, self.parts.task)
        for _ in loop.run_round(store, self.parts, round_):
            pass
        store.close()
        return 1


class PeerRound:
    """The same round as a script of transformers and TRL."""

    def __init__(self, measured: Path, threads: int) -> None:
        import trl  # noqa: F401 - before the clock starts

        self._folder = measured.parent
        store = Store(measured)
        settings = self._settings = store.tree.round(0).settings
        self._task = make_task(settings)
        self._model = LocalModel.load(settings.model, settings.trainer)
        self._plan = dict(
            loop.plan_round(store, self._task, settings, store.tree.round(0)).problems
        )
        store.close()
        # The same in every round, so that neither side draws them in the time that counts.
        count = settings.evaluation.problems_per_level
        self._held_out = evaluation_problems(self._task, settings, count)
        torch.set_num_threads(threads)

    def work(self) -> int:
        """Run one round and return 1."""
        self._model.fresh_adapter(seed=0)
        s = self._settings
        problems = [
            p
            for level, count in self._plan.items()
            for p in draw_level(
                self._task, level, count, (0, 1, "draw", level), held_out=False, repeat=True
            )
        ]
        texts = self._generate(problems, s.draw.samples)
        self._train(self._selected(problems, texts))
        for count in (1, s.evaluation.samples):
            answers = self._generate(self._held_out, count)
            for problem, rows in zip(self._held_out, answers, strict=True):
                [self._task.score(problem, text) for text in rows]
        return 1

    def _generate(self, problems: Sequence[Problem], count: int) -> list[list[str]]:
        """Sample in batches of as many rows as ours; greedy if one sample is asked for."""
        found: list[list[str]] = []
        tokenizer = self._model.tokenizer
        tokenizer.padding_side = "left"
        size = max(GENERATE_ROWS // count, 1)
        how: dict[str, Any] = {"do_sample": False}
        if count > 1:
            how = {"do_sample": True, "top_k": 0, "num_return_sequences": count}
        for start in range(0, len(problems), size):
            batch = [p.prompt for p in problems[start : start + size]]
            inputs = tokenizer(batch, return_tensors="pt", padding=True)
            inputs.pop("token_type_ids", None)
            with torch.inference_mode():
                ids = self._model.causal_lm.generate(
                    **inputs,
                    **how,
                    max_new_tokens=self._settings.sampler.max_new_tokens,
                    pad_token_id=self._model.end_token,
                    eos_token_id=self._model.end_token,
                )
            texts = tokenizer.batch_decode(
                ids[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
            )
            found += [texts[i : i + count] for i in range(0, len(texts), count)]
        return found

    def _selected(
        self, problems: Sequence[Problem], texts: Sequence[Sequence[str]]
    ) -> list[tuple[Problem, str]]:
        pairs = [(p, t) for p, rows in zip(problems, texts, strict=True) for t in rows]
        candidates = [
            selection.Candidate(i, p.key, t, {"truth": self._task.score(p, t)})
            for i, (p, t) in enumerate(pairs)
        ]
        chosen = selection.select(candidates, self._settings.selection, "truth")
        return [pair for pair, c in zip(pairs, chosen, strict=True) if c.weight]

    def _train(self, pairs: Sequence[tuple[Problem, str]]) -> None:
        import datasets
        import trl

        rows = []
        for problem, text in pairs:
            prompt, answer = (
                self._model.encode(problem.prompt),
                self._model.encode_completion(text),
            )
            rows.append(
                {
                    "input_ids": [*prompt, *answer],
                    "completion_mask": [0] * len(prompt) + [1] * len(answer),
                }
            )
        t = self._settings.trainer
        config = trl.SFTConfig(
            output_dir=str(self._folder),
            num_train_epochs=t.epochs,
            per_device_train_batch_size=t.batch_size,
            learning_rate=t.learning_rate,
            lr_scheduler_type="constant",
            max_grad_norm=t.clip_norm,
            completion_only_loss=True,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        trl.SFTTrainer(
            model=self._model.network,
            args=config,
            train_dataset=datasets.Dataset.from_list(rows),
            processing_class=self._model.tokenizer,
        ).train()


class Side:
    """One of the two in a process of its own, as it is when nobody compares them."""

    there: Any = None

    def __init__(self, kind: type[OurRound | PeerRound], measured: Path, threads: int) -> None:
        given = (kind, measured, threads)
        self._pool = ProcessPoolExecutor(1, get_context("spawn"), Side.begin, given)

    @staticmethod
    def begin(kind: type[OurRound | PeerRound], measured: Path, threads: int) -> None:
        """Load what it needs; in the process."""
        warnings.simplefilter("ignore")
        Side.there = kind(measured, threads)
        gc.freeze()  # As the engine does once its model is loaded.

    @staticmethod
    def run() -> int:
        """Run one round; in the process."""
        with contextlib.redirect_stdout(io.StringIO()):
            return int(Side.there.work())

    def work(self) -> int:
        """Have one round run, and return 1."""
        return self._pool.submit(Side.run).result()

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown()


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "", "--processes")
    cores = options.threads
    threads, processes = (1, cores) if options.processes else (cores, 1)
    with tempfile.TemporaryDirectory() as name:
        measured = Path(name) / "measured"
        measure_base(measured, threads, processes)
        ours, peer = Side(OurRound, measured, threads), Side(PeerRound, measured, cores)
        figure = compare(
            "a round against generate and TRL", ours.work, peer.work, "rounds/s", options.runs
        )
        ours.close()
        peer.close()
    seconds = f"ours {1 / figure.ours:.1f} s a round, peer {1 / figure.peer:.1f} s"
    show([figure], options.json, seconds)


if __name__ == "__main__":
    main()
