"""How many bytes a round needs, phase by phase: the formula.

Everything is counted at the moment when most is held. With T tokens in a pass, R
rows (samples) of a chunk, V the vocabulary, h the hidden size, m the inner size,
q and k the widths of queries and of keys, L layers, and b bytes a number:

    weights     P b                           read from disk as they are used
    adapter     r S 4 x 4                     weights, gradients, AdamW's two moments;
                                              S sums both sides of every linear layer
    merged      W 4                           a copy of the linear layers that holds the
                                              adapter; in float32, while sampling, and while
                                              training where T is large beside a layer's sides
    reading     T (6 h + 3 m) b               one layer's activations; T <= 16,384
    keys        2 L k b a token               prompts once for all their samples on the CPU,
                                              a copy for each row elsewhere; + new tokens
    drawing     R V c                         logits, log-probabilities, the law and its sum
    kept        T L (4 h + 4 m + 2 q + 2 k) b what forward keeps for backward: both norms'
                                              inputs and outputs, queries, keys, values,
                                              attention's output, and of the inner
                                              part both halves, the activated half, the product
    head        8 C V, at most 8 x 2^25       logits at C completion tokens, in blocks

Memory of the C library (on the CPU): blocks of more than 32 MB are given back once
they are free. Smaller ones are not, and between aligned ones of changing sizes holes
remain: training was measured to take about 1.55 times what it holds in them, and .6 of
that is still taken in the evaluation after it.

The `llamacpp` sampler has weights of its own (the GGUF file), and keys and logits for
`llamacpp.sequences` rows.

What this leaves out: what transformers does for layers that are not like Llama's
(mixtures of experts, state spaces), and what an accelerator's libraries hold.

Source: counted from transformers' Llama and Qwen2 and from `samplers/native.py`,
`models/lora.py` and `trainers/mle.py`; `benchmarks/planning.py` compares.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from sitool.config import PAIR_OBJECTIVES, Settings, TrainerSettings
from sitool.models.loading import SMALL_BASE_PARAMETERS, processes_of
from sitool.planning.shapes import Shape
from sitool.planning.work import Work
from sitool.records import Phase

SMALL_BLOCK = 32 << 20
"""glibc's largest threshold for blocks that it takes from, and gives back to, the system."""

HOLES = 1.55
"""What small blocks take while training, for each byte in them."""
STAYS = 0.6
"""Share of training's small blocks that the evaluation finds taken."""

READ_TOKENS = 16384
CPU_MICRO_TOKENS = 2048
SHARED_MICRO_TOKENS = 1024
"""Of a small base, whose parts may be shared out among processes."""
CUDA_MICRO_TOKENS = 131_072
WORTH_SHARING = 512
"""Tokens of a batch; one with fewer is not shared out."""
BLOCK_LOGITS = 1 << 25
"""Most logits that the trainer makes at once."""

LARGE_VOCABULARY = 4096
"""From here on a law is summed up in blocks."""

GGUF_BYTES = {"f32": 4.0, "f16": 2.0, "q8_0": 34 / 32}
"""Bytes a weight, by the precision of a GGUF file."""
GGUF_KEYS = 2 << 30
"""Most that the `llamacpp` sampler gives to keys and values."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Where and how the base runs.

    Attributes:
        on_gpu: Whether it is on a GPU.
        bytes_per_weight: 4 or 2.
    """

    on_gpu: bool
    bytes_per_weight: int

    @property
    def merges(self) -> bool:
        """Whether layers run on weights that hold the adapter; not in half precision."""
        return self.bytes_per_weight == 4


@dataclass(frozen=True, slots=True)
class Need:
    """What one phase holds at its worst moment, beside the process itself and the weights.

    Attributes:
        terms: Bytes by what they are for; the larger blocks of each are given back.
        small: Bytes of them in blocks that are not given back.
    """

    terms: Mapping[str, int]
    small: int

    @property
    def bytes(self) -> int:
        """Return the sum."""
        return sum(self.terms.values())


@dataclass(slots=True)
class Sum:
    """Adds terms up, each with the size of its blocks."""

    terms: dict[str, int] = field(default_factory=dict)
    small: int = 0

    def add(self, name: str, size: float, block: float) -> None:
        """Add bytes that lie in blocks of so many bytes."""
        self.terms[name] = self.terms.get(name, 0) + int(size)
        if block <= SMALL_BLOCK:
            self.small += int(size)

    def need(self) -> Need:
        """Return what was added."""
        return Need(self.terms, self.small)


def weights_bytes(shape: Shape, setup: Setup) -> int:
    """Return the bytes of the base's weights."""
    return shape.parameters * setup.bytes_per_weight


def needs(shape: Shape, settings: Settings, setup: Setup, work: Work) -> dict[Phase, Need]:
    """Return what the phases that run the model need."""
    of_phases = {Phase.EVALUATE: _evaluating(shape, settings, setup, work)}
    if work.problems:
        of_phases[Phase.SAMPLE] = _sampling(
            shape, settings, setup, work, work.problems, settings.draw.samples
        )
    if work.examples:
        of_phases[Phase.TRAIN] = _training(shape, settings.trainer, setup, work)
    return {phase: of_phases[phase] for phase in Phase if phase in of_phases}


def peak_bytes(beside: int, setup: Setup, found: Mapping[Phase, Need]) -> dict[Phase, int]:
    """Return the most that is held in each phase, in the order of the phases.

    Args:
        beside: Bytes of the process itself and the weights.
    """
    peaks: dict[Phase, int] = {}
    sampled = trained = 0.0
    for phase, need in found.items():
        large = need.bytes - need.small
        if setup.on_gpu:
            # torch keeps what it has and uses it again.
            peaks[phase] = max(beside + need.bytes, *peaks.values(), 0)
        elif phase is Phase.TRAIN:
            trained = HOLES * need.small
            peaks[phase] = int(beside + trained + large)
        else:
            sampled = max(sampled, need.small)
            peaks[phase] = int(beside + max(sampled, STAYS * trained) + large)
    return peaks


@dataclass(frozen=True, slots=True)
class Total:
    """What all processes hold together.

    Attributes:
        needs: Of each phase that runs the model.
        peaks: The most that the engine holds in each phase.
        helpers: Processes that compute beside it.
        helper: The most that one of them holds.
    """

    needs: Mapping[Phase, Need]
    peaks: Mapping[Phase, int]
    helpers: int
    helper: int

    @property
    def bytes(self) -> int:
        """Return the most that is held at any time."""
        return max(self.peaks.values(), default=0) + self.helpers * self.helper


def total_of(shape: Shape, settings: Settings, setup: Setup, work: Work, process: int) -> Total:
    """Return what the engine and those that help it hold.

    Args:
        process: Bytes of a process itself, without weights.
    """
    found = needs(shape, settings, setup, work)
    peaks = peak_bytes(process + weights_bytes(shape, setup), setup, found)
    return Total(found, peaks, helpers_of(shape, settings, setup, work), max(peaks.values()))


def helpers_of(shape: Shape, settings: Settings, setup: Setup, work: Work) -> int:
    """Return how many processes help the engine: no more than there is something for."""
    if setup.on_gpu:
        return 0
    chunks = max(chunks_here(settings, work.drawn), chunks_here(settings, work.answers))
    tokens = min(settings.trainer.batch_size, work.examples) * (work.mean_prompt + work.most_new)
    most = settings.trainer.micro_tokens or micro_tokens(shape, setup)
    shares = 2 * math.ceil(tokens / (2 * most)) if tokens >= WORTH_SHARING else 1
    return max(0, min(processes_of(settings, shape.parameters), max(chunks, shares)) - 1)


def chunks_here(settings: Settings, samples: int) -> int:
    """Return the chunks of so many samples that helpers may draw: those of `native`."""
    is_native = settings.sampler.name == "native"
    return math.ceil(samples / settings.sampler.chunk_rows) if is_native else 0


def _evaluating(shape: Shape, settings: Settings, setup: Setup, work: Work) -> Need:
    """Return what answers to held-out problems need: one greedily, the others sampled."""
    count = 1 + settings.evaluation.samples
    greedy = not settings.evaluation.samples
    return _sampling(shape, settings, setup, work, work.evaluated, count, greedy=greedy)


def _sampling(
    shape: Shape,
    settings: Settings,
    setup: Setup,
    work: Work,
    problems: int,
    samples: int,
    *,
    greedy: bool = False,
) -> Need:
    """Return what a chunk of `sampler.chunk_rows` rows needs: reading, going on, or drawing."""
    if settings.sampler.name == "llamacpp":
        return _sampling_with_llamacpp(shape, settings, work, min(problems * samples, 1 << 30))
    chunk = max(1, settings.sampler.chunk_rows // samples)
    prompts = min(problems, chunk)
    rows, b = prompts * samples, setup.bytes_per_weight
    new, longest = work.most_new, work.longest_prompt
    token = 2 * shape.layers * shape.kv_heads * shape.head_size * b
    shared = not setup.on_gpu and samples >= 2
    total = Sum()
    if setup.merges:
        total.add("merged copy", shape.linear * 4, shape.hidden * shape.inner * 4)
    total.add("adapter", 4 * settings.trainer.rank * shape.sides, 0)
    prompt_keys = prompts * longest * token
    own_keys = rows * (new if shared else longest + new) * token
    tokens = min(prompts * longest, READ_TOKENS)
    reading = tokens * (6 * shape.hidden + 3 * shape.inner) * b
    copies = 1 if prompts * longest <= READ_TOKENS else 2
    going_on = own_keys * (1 + 1 / shape.layers) + (prompt_keys if shared else 0)
    block = own_keys / (2 * shape.layers)
    total.add("keys and values", max(going_on, copies * prompt_keys), block)
    logit = _logit_bytes(shape, settings, setup, greedy=greedy)
    drawing = rows * shape.vocabulary * logit
    if drawing > reading:
        total.add("drawing", drawing, rows * shape.vocabulary * 4)
    else:
        total.add("reading prompts", reading, tokens * shape.inner * b)
    return total.need()


def _sampling_with_llamacpp(shape: Shape, settings: Settings, work: Work, rows: int) -> Need:
    """Return what llama.cpp needs: weights of its own, and keys of few rows at a time."""
    ours, total = settings.llamacpp, Sum()
    total.add("weights as GGUF", shape.parameters * GGUF_BYTES[ours.dtype], SMALL_BLOCK + 1)
    width = 2 * shape.layers * shape.kv_heads * shape.head_size * (4 if ours.exact else 2)
    length = work.longest_prompt + work.most_new
    sequences = max(1, min(ours.sequences, rows, GGUF_KEYS // (width * length)))
    total.add("keys and values", sequences * length * width, SMALL_BLOCK + 1)
    logit = _logit_bytes(shape, settings, Setup(False, 4), greedy=False)
    total.add("drawing", sequences * shape.vocabulary * logit, SMALL_BLOCK + 1)
    total.add("adapter", 8 * settings.trainer.rank * shape.sides, 0)
    return total.need()


def _logit_bytes(shape: Shape, settings: Settings, setup: Setup, *, greedy: bool) -> int:
    """Return the bytes for each token of the vocabulary while a row's token is drawn.

    Logits (in half precision both as they are and in float32), log-probabilities,
    the law, and of a small vocabulary the law in float64 and its running sum; top_p sorts
    before that.
    """
    logits = 4 if setup.bytes_per_weight == 4 else 6
    if greedy:
        return logits + 4
    law = logits + 4 + 4
    if settings.sampler.top_p < 1:
        return law + 25
    return law if shape.vocabulary >= LARGE_VOCABULARY else law + 16


def _training(shape: Shape, trainer: TrainerSettings, setup: Setup, work: Work) -> Need:
    """Return what the largest part of a batch needs at the turn from forward to backward."""
    total, b = Sum(), setup.bytes_per_weight
    tokens, targets = part_of_batch(shape, trainer, setup, work)
    if trainer.method == "full":
        # AdamW's two moments and the gradients, in float32; half precision has a master copy.
        copies = 12 if b == 4 else 16
        total.add("gradients and moments", copies * shape.parameters, SMALL_BLOCK + 1)
        total.add("logits", shape.hidden * shape.vocabulary * b, SMALL_BLOCK + 1)
    else:
        total.add("adapter", 16 * trainer.rank * shape.sides, 0)
        if setup.merges and tokens * (shape.hidden + shape.inner) > shape.hidden * shape.inner:
            total.add("merged copy", shape.linear * 4, shape.hidden * shape.inner * 4)
    inner, rest = kept_bytes(shape, trainer, setup, tokens, targets)
    total.add("activations", inner, tokens * shape.inner * b)
    total.add("activations", rest, tokens * shape.hidden * b)
    logits = min(targets * shape.vocabulary, max(BLOCK_LOGITS, shape.vocabulary))
    total.add("logits", max(8 * logits, 4 * tokens * shape.inner * b), logits * 4)
    return total.need()


def micro_tokens(shape: Shape, setup: Setup) -> int:
    """Return how many tokens the trainer lets through the network at once if nobody says so."""
    if setup.on_gpu:
        return CUDA_MICRO_TOKENS
    is_small = shape.parameters < SMALL_BASE_PARAMETERS
    return SHARED_MICRO_TOKENS if is_small else CPU_MICRO_TOKENS


def part_of_batch(
    shape: Shape, trainer: TrainerSettings, setup: Setup, work: Work
) -> tuple[int, int]:
    """Return the tokens of the largest part of a batch, and those of them that carry loss."""
    most = trainer.micro_tokens or micro_tokens(shape, setup)
    row = work.mean_prompt + work.most_new
    batch = trainer.batch_size * (2 if trainer.name in PAIR_OBJECTIVES else 1)
    rows = min(batch, work.examples, max(1, int(most // row)))
    tokens = max(rows * row, min(work.longest_prompt + work.most_new, most))
    return int(tokens), rows * work.most_new


def kept_bytes(
    shape: Shape, trainer: TrainerSettings, setup: Setup, tokens: int, targets: int
) -> tuple[int, int]:
    """Return what forward keeps for backward: of inner parts, and the rest.

    Args:
        tokens: That go through the network at once.
        targets: Those of them at which there is a loss; the last layer is focused on them.
    """
    inner, rest = _layer_bytes(shape, setup)
    state = shape.hidden * setup.bytes_per_weight
    if trainer.checkpointing == "on":
        # Each layer's input; the layer that is being computed again in full.
        return tokens * inner, tokens * (rest + shape.layers * state)
    last_inner = targets * inner
    last_rest = tokens * (rest - state) + 6 * targets * state
    others = shape.layers - 1
    return others * tokens * inner + last_inner, others * tokens * rest + last_rest


def _layer_bytes(shape: Shape, setup: Setup) -> tuple[int, int]:
    h, m = shape.hidden, shape.inner
    q, k = shape.heads * shape.head_size, shape.kv_heads * shape.head_size
    b = setup.bytes_per_weight
    # Norms compute in float32, whatever the precision, and keep what they were given.
    return 4 * m * b, 2 * h * (4 + b) + 2 * (q + k) * b
