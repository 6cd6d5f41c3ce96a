"""What the next round will take, all together and in one sentence.

What this leaves out: numbers of rounds that ran (`summary.py`).
"""

from dataclasses import dataclass

from sitool.config import Settings
from sitool.errors import SitoolError
from sitool.models.builtin import SCRIPTED
from sitool.models.loading import SMALL_BASE_PARAMETERS, available_cores
from sitool.planning import machines, trials
from sitool.planning.advice import Remedy, remedy
from sitool.planning.machines import Rates
from sitool.planning.memory import Setup, Total, total_of, weights_bytes
from sitool.planning.paces import Pace, Span, pace_of
from sitool.planning.shapes import Shape, find_folder, read_shape
from sitool.planning.situations import Situation
from sitool.planning.tokens import Vocabulary, read_vocabulary
from sitool.planning.work import work_of

ASSUMED_PROCESS_BYTES = 400_000_000
"""Of a process with torch and transformers in it, where it was not measured."""
CUDA_BYTES = 600_000_000
"""What CUDA's libraries hold of a GPU."""
SHARE_TO_USE = 0.95
"""Of what is free: a machine needs a little to breathe."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a round will take.

    Attributes:
        total: Bytes by phase, and of processes that help.
        weights: Bytes of the base.
        process: Bytes of the process itself.
        process_is_measured: Whether that was measured on this machine.
        free: Bytes that are free now; None: not known.
        on_gpu: Whether the memory is a GPU's.
        pace: How long it takes.
        remedy: What to lower where it does not fit.
    """

    total: Total
    weights: int
    process: int
    process_is_measured: bool
    free: int | None
    on_gpu: bool
    pace: Pace
    remedy: Remedy | None

    @property
    def bytes(self) -> int:
        """Return the most that is held at any time, by all processes."""
        return self.total.bytes

    @property
    def fits(self) -> bool | None:
        """Whether it fits into what is free; None: that is not known."""
        return None if self.free is None else self.bytes <= SHARE_TO_USE * self.free

    @property
    def sentence(self) -> str:
        """Say whether it fits, and what to lower if not."""
        if not self.total.peaks:
            return "The scripted base needs next to nothing."
        need, memory = gigabytes(self.bytes), "GPU memory" if self.on_gpu else "memory"
        if self.free is None:
            return f"The next round needs about {need} of {memory}; what is free is not known here."
        known = f"needs about {need} of {gigabytes(self.free)} free {memory}"
        if self.fits:
            return f"The next round {known}: it fits."
        worst = max(self.total.peaks, key=lambda phase: self.total.peaks[phase])
        said = f"The next round {known}: it does not fit, most of all in {worst}."
        if self.remedy is None:
            return f"{said} No one setting makes it fit: a smaller base does."
        return f"{said} It would with {self.remedy.assignment} ({gigabytes(self.remedy.bytes)})."

    @property
    def short(self) -> str:
        """Say it in a few words, for a line that says other things too."""
        seconds = self.pace.total
        words = [f"about {span_words(seconds)}"] if seconds else []
        words += [f"{gigabytes(self.bytes)}"] if self.total.peaks else []
        if self.fits is False:
            words.append("✗ does not fit")
        return " and ".join(words[:2]) + "".join(f", {word}" for word in words[2:])


def estimate(settings: Settings, situation: Situation) -> Estimate:
    """Estimate the next round.

    Raises:
        SitoolError: The base's files or the task's problems are not on this machine.
    """
    if settings.model.base == SCRIPTED:
        return _scripted(settings, situation)
    folder = find_folder(settings.model)
    shape = read_shape(folder)
    rates = machines.known_rates(threads_of(settings, shape))
    setup = setup_of(settings, rates)
    work = work_of(
        settings, situation.task, read_vocabulary(folder), situation.problems, situation.past
    )
    process, measured = process_bytes(setup, rates)
    total = total_of(shape, settings, setup, work, process)
    free = machines.gpu_free_bytes() if setup.on_gpu else machines.free_bytes(situation.engine)
    fits = free is None or total.bytes <= SHARE_TO_USE * free
    tried = trials.tokens_a_second(settings)
    return Estimate(
        total=total,
        weights=weights_bytes(shape, setup),
        process=process,
        process_is_measured=measured,
        free=free,
        on_gpu=setup.on_gpu,
        pace=pace_of(situation.past, work, shape, settings, setup, rates, tried),
        remedy=None
        if fits or free is None
        else remedy(shape, settings, setup, work, process, SHARE_TO_USE * free),
    )


def warning(settings: Settings, situation: Situation) -> str:
    """Return what a person should know before a round starts; nothing if it fits.

    Whatever cannot be worked out is no reason to hold a round up.
    """
    if settings.model.base == SCRIPTED:
        return ""
    try:
        found = estimate(settings, situation)
    except (SitoolError, ArithmeticError):
        return ""
    return found.sentence if found.fits is False else ""


def threads_of(settings: Settings, shape: Shape) -> int:
    """Return how many threads the engine will compute with."""
    sensible = 1 if shape.parameters < SMALL_BASE_PARAMETERS else available_cores()
    return settings.model.threads or sensible


def setup_of(settings: Settings, rates: Rates | None) -> Setup:
    """Work out where and in what precision the base will run."""
    asked = settings.model.device
    has_gpu = bool(rates.cuda) if rates else machines.gpu_free_bytes() is not None
    on_gpu = asked == "cuda" or (asked == "auto" and has_gpu)
    half = settings.model.dtype == "bfloat16" or (settings.model.dtype == "auto" and on_gpu)
    return Setup(on_gpu, 2 if half else 4)


def process_bytes(setup: Setup, rates: Rates | None) -> tuple[int, bool]:
    """Return what the process itself takes, and whether that was measured here."""
    if setup.on_gpu:
        return CUDA_BYTES, False
    if rates is None or not rates.process_bytes:
        return ASSUMED_PROCESS_BYTES, False
    return rates.process_bytes, True


def _scripted(settings: Settings, situation: Situation) -> Estimate:
    """Return the estimate of a base without weights, whose rounds take their time all the same."""
    vocabulary = Vocabulary(frozenset())
    work = work_of(settings, situation.task, vocabulary, situation.problems, situation.past)
    pace = pace_of(situation.past, work, None, settings, Setup(False, 4), None)
    return Estimate(Total({}, {}, 0, 0), 0, 0, False, machines.free_bytes(), False, pace, None)


def gigabytes(size: float) -> str:
    """Write bytes for a person.

    >>> gigabytes(3_140_000_000), gigabytes(600_000_000), gigabytes(23_400_000_000)
    ('3.1 GB', '0.6 GB', '23 GB')
    """
    value = size / 1e9
    return f"{value:.0f} GB" if value >= 20 else f"{value:.1f} GB"


def span_words(seconds: Span) -> str:
    """Write a range of seconds for a person.

    >>> span_words((8.2, 9.4)), span_words((40, 65)), span_words((50, 4000))
    ('8 to 9 s', '40 to 65 s', '50 s to 67 min')
    >>> span_words((0.2, 0.7))
    '1 s'
    """
    (first, one), (last, other) = (_counted(value) for value in seconds)
    if one == other:
        return f"{last} {other}" if first == last else f"{first} to {last} {other}"
    return f"{first} {one} to {last} {other}"


def _counted(seconds: float) -> tuple[str, str]:
    unit, size = ("s", 1) if seconds < 120 else ("min", 60) if seconds < 7200 else ("h", 3600)
    return f"{max(seconds / size, 1):.0f}", unit
