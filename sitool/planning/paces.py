"""How long each phase of a round will take: a range, and where it comes from.

Earlier rounds of the study are the best witnesses: seconds for a sampled token, for
a trained token, for an evaluated answer. Without them there are the machine's rates
and a count of operations, which is much less certain, and the range says so:

    reading    2 P operations a prompt token (P: weights of layers)
    a step     2 (P + h V) a row, R V logits to draw from, and each layer's own cost
    judging    reading each answer once more for every verifier that asks, and writing verdicts
    training   4 P a token (the base's weights get no gradient), 6 h V and 2 V logits
               at a completion's token; pairs (dpo, xpo) take a forward more an epoch,
               2 P and 2 h V, and one for what the base makes of them

Chunks, and parts of a batch, are shared out among processes (`models/crew.py`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sitool.config import PAIR_OBJECTIVES, Settings
from sitool.planning.machines import Rates
from sitool.planning.memory import Setup, chunks_here, helpers_of
from sitool.planning.past import Past
from sitool.planning.shapes import Shape
from sitool.planning.verdicts import verdicts_of
from sitool.planning.work import Work
from sitool.records import Phase

Span = tuple[float, float]

SEVERAL_ROUNDS, ONE_ROUND = 0.15, 0.25
"""How far the next round may lie outside of what earlier ones took."""
UNCERTAIN: Span = (0.5, 2.5)
"""How far a count of operations may be off."""
MODEL_PHASES = (Phase.SAMPLE, Phase.TRAIN, Phase.EVALUATE)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the phases take.

    Attributes:
        seconds: By phase, from and to; phases of which nothing is known are not in it.
        source: Where it comes from, in words; nothing if nothing is known.
    """

    seconds: Mapping[Phase, Span]
    source: str

    @property
    def total(self) -> Span | None:
        """Return the whole round's seconds; None if a phase that runs the model is not known."""
        if not self.source:
            return None
        return sum(low for low, _ in self.seconds.values()), sum(
            high for _, high in self.seconds.values()
        )


def pace_of(
    past: Sequence[Past],
    work: Work,
    shape: Shape | None,
    settings: Settings,
    setup: Setup,
    rates: Rates | None,
    tokens_a_second: float | None = None,
) -> Pace:
    """Estimate a round's phases.

    Args:
        past: Earlier rounds alike, the newest first.
        tokens_a_second: Of this base's sampling, where it was tried out here.
    """
    needed = [phase for phase in MODEL_PHASES if work.problems or phase is Phase.EVALUATE]
    if work.problems and asks_model(settings):
        needed.append(Phase.VERIFY)
    seconds = seconds_as_before(past, work)
    sources = [f"{len(past)} earlier round{'s' * (len(past) > 1)}"] if seconds else []
    missing = [phase for phase in needed if phase not in seconds]
    here = settings.sampler.name != "server" and not setup.on_gpu
    if missing and shape is not None and rates is not None and here:
        counted = seconds_by_rates(work, shape, settings, setup, rates, tokens_a_second)
        seconds |= {phase: counted[phase] for phase in missing}
        sources.append("this machine's rates")
        missing = []
    return Pace(
        {phase: seconds[phase] for phase in Phase if phase in seconds},
        "" if missing else " and ".join(sources),
    )


def asks_model(settings: Settings) -> bool:
    """Whether a verifier of the training samples asks a model, which takes its time."""
    found = verdicts_of(settings, (*settings.verifier.names, *settings.verifier.measure))
    return bool(found.readings or found.writings)


def seconds_as_before(past: Sequence[Past], work: Work) -> dict[Phase, Span]:
    """Estimate from what the same work took before."""
    learnt = [p for p in past if p.trained and p.kept]
    each = sum(p.trained / p.kept for p in learnt) / len(learnt) if learnt else 0.0
    amounts: dict[Phase, tuple[Callable[[Past], float], Span]] = {
        Phase.DRAW: (lambda p: p.drawn, (work.drawn, work.drawn)),
        Phase.SAMPLE: (
            lambda p: p.drawn * p.mean_new,
            (work.drawn * work.new[0], work.drawn * work.new[1]),
        ),
        Phase.VERIFY: (lambda p: p.drawn, (work.drawn, work.drawn)),
        Phase.SELECT: (lambda p: p.drawn, (work.drawn, work.drawn)),
        Phase.TRAIN: (lambda p: p.trained, (work.learnt[0] * each, work.learnt[1] * each)),
        Phase.EVALUATE: (lambda p: p.answers, (work.answers, work.answers)),
    }
    found = {
        phase: _scaled(past, phase, amount, (low, high))
        for phase, (amount, (low, high)) in amounts.items()
    }
    spans = {phase: span for phase, span in found.items() if span is not None}
    if work.problems and Phase.SAMPLE not in spans and Phase.EVALUATE in spans and work.answers:
        # The same model answers held-out problems, some of them greedily.
        share = (work.drawn + work.beside) / work.answers
        low, high = (s * share for s in spans[Phase.EVALUATE])
        spans[Phase.SAMPLE] = (0.5 * low, 1.3 * high)
    return spans if work.problems else _only(spans, Phase.EVALUATE)


def _only(spans: dict[Phase, Span], phase: Phase) -> dict[Phase, Span]:
    return {phase: spans[phase]} if phase in spans else {}


def _scaled(
    past: Sequence[Past], phase: Phase, amount: Callable[[Past], float], planned: Span
) -> Span | None:
    paces = [p.seconds[phase] / amount(p) for p in past if phase in p.seconds and amount(p)]
    if not paces or not planned[1]:
        return None
    margin = SEVERAL_ROUNDS if len(paces) > 1 else ONE_ROUND
    return (1 - margin) * min(paces) * planned[0], (1 + margin) * max(paces) * planned[1]


def seconds_by_rates(
    work: Work,
    shape: Shape,
    settings: Settings,
    setup: Setup,
    rates: Rates,
    tokens_a_second: float | None = None,
) -> dict[Phase, Span]:
    """Estimate by counting operations, for the phases that run the model."""
    count = _Count(work, shape, settings, setup, rates, tokens_a_second)
    verifiers = (*settings.verifier.names, *settings.verifier.measure)
    answered = count.answering(work.answers, work.evaluated)
    judged = count.judging(settings.evaluation.verifiers, work.answers, work.evaluated)
    prompts = (1 + bool(work.beside)) * work.problems
    return {
        Phase.SAMPLE: count.answering(work.drawn + work.beside, prompts),
        Phase.VERIFY: count.judging(verifiers, work.drawn, work.problems),
        Phase.TRAIN: count.training(),
        Phase.EVALUATE: (answered[0] + judged[0], answered[1] + judged[1]),
    }


@dataclass(frozen=True, slots=True)
class _Count:
    """The operations of one round, and how long they take on this machine."""

    work: Work
    shape: Shape
    settings: Settings
    setup: Setup
    rates: Rates
    tokens_a_second: float | None

    @property
    def flops(self) -> float:
        return self.rates.flops if self.setup.merges else self.rates.half_flops

    @property
    def head(self) -> int:
        """Weights of the layer that makes logits."""
        return self.shape.hidden * self.shape.vocabulary

    @property
    def processes(self) -> int:
        """How many processes compute at once."""
        return 1 + helpers_of(self.shape, self.settings, self.setup, self.work)

    @property
    def reading_seconds(self) -> float:
        """Of a token that is only read."""
        return 2 * self.shape.linear / self.flops

    @property
    def writing_seconds(self) -> float:
        """Of a token that is drawn, without what a step costs by itself."""
        drawing = self.shape.vocabulary / self.rates.logits
        return 2 * (self.shape.linear + self.head) / self.flops + drawing

    @property
    def step_seconds(self) -> float:
        """Of a step by itself, however many rows it has."""
        return self.shape.layers * self.rates.layer_seconds

    def answering(self, samples: int, prompts: int) -> Span:
        """Return the seconds in which so many samples are drawn."""
        rows, work = self.settings.sampler.chunk_rows, self.work
        turns = math.ceil(chunks_here(self.settings, samples) / self.processes)
        share = min(1.0, turns * rows / samples) if turns else 1.0  # Of whoever draws most.
        a_token = 1 / self.tokens_a_second if self.tokens_a_second else self.writing_seconds
        a_step = self.step_seconds * max(1.0, samples / rows) / max(1, samples)
        reading = prompts * work.mean_prompt * self.reading_seconds
        low, high = ((reading + samples * new * (a_token + a_step)) * share for new in work.new)
        return UNCERTAIN[0] * low, UNCERTAIN[1] * high

    def judging(self, names: Sequence[str], samples: int, prompts: int) -> Span:
        """Return the seconds in which verifiers score so many samples."""
        found = verdicts_of(self.settings, names)
        new = sum(self.work.new) / 2 + found.question
        read = (prompts * self.work.mean_prompt + samples * new) * self.reading_seconds
        a_token = self.writing_seconds + self.step_seconds / self.settings.sampler.chunk_rows
        written = found.writings * samples * found.tokens * a_token
        seconds = (found.readings + found.writings) * read + written
        return UNCERTAIN[0] * seconds, UNCERTAIN[1] * seconds

    def training(self) -> Span:
        """Return the seconds in which what was kept is learnt."""
        trainer, spans = self.settings.trainer, []
        full, pairs = trainer.method == "full", trainer.name in PAIR_OBJECTIVES
        # Pairs are looked at once more in each epoch; about once in all under the base.
        looks = 1 + 1 / trainer.epochs if pairs else 0
        drawing = (2 + looks) * self.shape.vocabulary / self.rates.logits
        logits = (6 + 2 * looks) * self.head / self.flops + drawing
        for count, new in zip(self.work.learnt, self.work.new, strict=True):
            tokens = count * trainer.epochs * (self.work.mean_prompt + new)
            base = ((6 if full else 4) + 2 * looks) * self.shape.linear * tokens / self.flops
            spans.append(base + count * trainer.epochs * new * logits)
        low, high = (seconds / self.processes for seconds in spans)
        return UNCERTAIN[0] * low, UNCERTAIN[1] * high
