"""Which samples of a round are compared, for the objectives that learn from pairs.

A pair is of one problem. For `dpo` both are samples that the base wrote; for `xpo`
the first is the parent's and the second the base's. No verifier has a say here, and
so no truth: what a pair teaches is how likely the base finds the two. A person has:

* a rejected sample is in no pair;
* an accepted or edited one is in pairs before all others, even if it was cut off or
  is closer than the margin, and gets the higher reward of the two.

A sample's weight is the number of its pairs. A sample that was cut off at the limit
has no end token, so its probability is not that of an answer: it is in no pair.
What this leaves out: the regression itself (`trainers/pairs.py`).
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sitool.config import Settings, TrainerSettings
from sitool.models.base import Model
from sitool.records import Action, Sample
from sitool.seeds import generator
from sitool.store import Round, SampleFilter, Store, human_rule
from sitool.trainers.base import Pair, Response

SamplePair = tuple[Sample, Sample]


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a round trains on.

    Attributes:
        rows: (sample id, weight, rule) of its own samples and of those carried over
            from its parent.
        samples: How many it drew.
        overruled: How many of all these a person ruled on.
        pairs: Of sample ids, where the objective learns from pairs.
    """

    rows: Sequence[tuple[int, float, str]]
    samples: int
    overruled: int
    pairs: Sequence[tuple[int, int]] = ()

    @property
    def accepted(self) -> int:
        """How many samples count."""
        return sum(weight > 0 for _, weight, _ in self.rows)


def pair_up(store: Store, round_: Round) -> Weighed:
    """Work out what a round compares under the rulings of this moment."""
    drawn = {role: _by_position(store, round_.id, role) for role in ("train", "base")}
    pairs: list[SamplePair] = []
    for position, firsts in drawn["train"].items():
        path = (round_.settings.seed, round_.id, "pairs", position)
        seconds = drawn["base"].get(position, [])
        pairs += choose(firsts, seconds, round_.settings.trainer, path)
    samples = [s for role in drawn.values() for group in role.values() for s in group]
    carried = _carried(store, round_)
    counts = Counter(s.id for pair in (*pairs, *carried) for s in pair)
    late = {s.id: s for pair in carried for s in pair}
    rows = [(s.id, float(counts[s.id]), _rule(s, counts[s.id])) for s in samples]
    rows += [
        (s.id, float(counts[s.id]), _rule(s, counts[s.id], round_.parent)) for s in late.values()
    ]
    overruled = sum(s.ruling is not None for s in (*samples, *late.values()))
    ids = [(first.id, second.id) for first, second in (*pairs, *carried)]
    return Weighed(rows, len(samples), overruled, ids)


def choose(
    firsts: Sequence[Sample],
    seconds: Sequence[Sample],
    settings: TrainerSettings,
    path: Sequence[int | str],
) -> list[SamplePair]:
    """Choose the pairs of one problem: the favoured ones first, then as evenly as can be.

    Args:
        firsts: What was drawn for training.
        seconds: What the base wrote beside; nothing for `dpo`, which pairs the firsts.
        path: Of the seed that decides who meets whom.
    """
    first = [s for s in firsts if may_be_paired(s)]
    if settings.name == "xpo":
        found = list(_across(first, [s for s in seconds if may_be_paired(s)]))
    else:
        generator(*path).shuffle(first)
        found = [pair for pair in _within(first) if can_be_told_apart(*pair, settings)]
    found.sort(key=lambda pair: not (is_favoured(pair[0]) or is_favoured(pair[1])))
    return found[: settings.pairs_per_problem or None]


def may_be_paired(sample: Sample) -> bool:
    """Whether a sample has a likelihood of its own, or a person's word, and no rejection."""
    if sample.ruling is not None:
        return sample.ruling.action is not Action.REJECT
    return sample.completion.finish != "length" and bool(sample.completion.token_ids)


def is_favoured(sample: Sample) -> bool:
    """Whether a person accepted or rewrote it."""
    ruling = sample.ruling
    return ruling is not None and ruling.action in (Action.ACCEPT, Action.EDIT)


def can_be_told_apart(first: Sample, second: Sample, settings: TrainerSettings) -> bool:
    """Whether a pair teaches anything: two texts, and rewards further apart than the margin."""
    if is_favoured(first) or is_favoured(second):
        return True
    if first.completion.token_ids == second.completion.token_ids:
        return False
    rewards = [reward_of(s, settings) for s in (first, second)]
    known = [reward for reward in rewards if reward is not None]
    return len(known) < 2 or abs(known[0] - known[1]) >= math.log1p(settings.margin)


def reward_of(sample: Sample, settings: TrainerSettings) -> float | None:
    """Return log pi_base of a sample that the base wrote, or that a token; None: not given."""
    logprob = sample.completion.logprob
    if logprob is None or settings.self_reward == "likelihood":
        return logprob
    return logprob / len(sample.completion.token_ids)


def _within(samples: Sequence[Sample]) -> Iterator[SamplePair]:
    """Yield every pair of the samples once; the first few of them share no sample."""
    count = len(samples)
    for distance in range(1, count // 2 + 1):
        around = count // 2 if 2 * distance == count else count
        for place in (*range(0, around, 2), *range(1, around, 2)):
            yield samples[place], samples[(place + distance) % count]


def _across(firsts: Sequence[Sample], seconds: Sequence[Sample]) -> Iterator[SamplePair]:
    """Yield every first with every second; each meets one before any meets two."""
    for shift in range(len(seconds)):
        for place, first in enumerate(firsts):
            yield first, seconds[(place + shift) % len(seconds)]


def _by_position(store: Store, round_id: int, role: str) -> dict[int, list[Sample]]:
    groups: dict[int, list[Sample]] = {}
    for sample in store.samples.each(SampleFilter(round=round_id, role=role)):
        groups.setdefault(sample.position, []).append(sample)
    return groups


def _carried(store: Store, round_: Round) -> list[SamplePair]:
    """Return pairs of what a person accepted or edited in the parent after it was trained."""
    if round_.parent is None:
        return []
    late = [s for s in store.samples.late_rulings(round_.parent) if is_favoured(s)]
    if not late:
        return []
    parent = {role: _by_position(store, round_.parent, role) for role in ("train", "base")}
    pairs: dict[tuple[int, int], SamplePair] = {}
    for sample in late:
        firsts = parent["train"].get(sample.position, [])
        seconds = parent["base"].get(sample.position, [])
        path = (round_.settings.seed, round_.id, "carried", sample.position)
        for pair in choose(firsts, seconds, round_.settings.trainer, path):
            if sample.id in (pair[0].id, pair[1].id):
                pairs[pair[0].id, pair[1].id] = pair
    return list(pairs.values())


def _rule(sample: Sample, pairs: int, parent: int | None = None) -> str:
    """Say why a sample counts as it does."""
    place = "in no pair" if not pairs else f"in {pairs} pair{'s' * (pairs > 1)}"
    ruling = sample.ruling
    if ruling is not None:
        said = human_rule(ruling.action, parent)
        return said if ruling.action is Action.REJECT else f"{said}: {place}"
    if not may_be_paired(sample):
        return "cut off at the limit, so it has no likelihood of its own"
    if not pairs:
        return "in no pair: alone, or none differs enough, or over the limit of pairs"
    return place if parent is None else f"{place}, beside what you favoured"


def training_pairs(store: Store, model: Model, round_: Round) -> list[Pair]:
    """Return the pairs that a round trains on, as token ids and what is known of the base."""
    return [
        Pair(
            model.encode(first.problem.prompt),
            _response(store, model, first),
            _response(store, model, second),
            first.problem.level,
        )
        for first, second in store.samples.pairs(round_.id)
    ]


def _response(store: Store, model: Model, sample: Sample) -> Response:
    ruling = sample.ruling
    if ruling is not None and ruling.action is Action.EDIT:
        return Response(model.encode_completion(ruling.text or ""), None, favoured=True)
    known = sample.completion.logprob if is_of_the_base(store, sample) else None
    return Response(sample.completion.token_ids, known, is_favoured(sample))


def is_of_the_base(store: Store, sample: Sample) -> bool:
    """Whether the log-probabilities that a sample carries are the base's own, exactly."""
    round_ = store.tree.round(sample.round)
    if not gives_exact_logprobs(round_.settings):
        return False
    return sample.role == "base" or not writer_of(round_)


def writer_of(round_: Round) -> int | None:
    """Return the round whose model writes a round's training samples; None or 0: the base."""
    return None if round_.settings.trainer.name == "dpo" else round_.parent


def gives_exact_logprobs(settings: Settings) -> bool:
    """Whether a sampler's log-probabilities are those that the trainer's network would give."""
    ours = settings.llamacpp
    if settings.sampler.name == "llamacpp":
        return ours.exact and ours.dtype == "f32" and not ours.file
    return settings.sampler.name != "server"
