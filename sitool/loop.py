"""One round of self-improvement, readable from top to bottom.

    draw       problems, level by level, as the curriculum says
    sample     k completions of each from the parent's model (or the base, for pairs)
    verify     each verifier scores each sample
    select     scores, then people's rulings, become weights
    train      the adapter learns the weighted samples, or pairs of them
    evaluate   greedy and sampled, on problems that training never draws

`run_round` is a plain generator of events. It commits before every event it
yields, so whoever drives it may stop between two events and lose nothing, and
the next call goes on from there. It knows no process, screen or callback. What
it leaves out: opening rounds and moving the head on people's commands
(`engine.py`), verifiers at work (`scoring.py`), making the parts (`parts.py`), and who is
paired with whom (`pairing.py`).

Source: reward-filtered maximum likelihood with curricula, arXiv 2602.10014;
restart from the base, arXiv 2312.06585 (ReST-EM).
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence

from sitool import curriculum, events, pairing, selection
from sitool.config import PAIR_OBJECTIVES, Settings
from sitool.draws import draw_level
from sitool.events import Event
from sitool.measure import by_level, measure_greedy, measure_pass_at_k, measure_round
from sitool.pairing import Weighed
from sitool.parts import Parts
from sitool.records import RULED_ROLES, TRUTH, Action, Phase, Problem, Sample
from sitool.samplers.base import Decoding, Request
from sitool.scoring import HELD_OUT, TRAIN, adapter_of, score_samples, starting_adapter, warnings
from sitool.seeds import derive_seed
from sitool.store import EMPTY_PLAN, Metric, Plan, Round, SampleFilter, Store, human_rule
from sitool.store.marks import Mark
from sitool.tasks.base import Task
from sitool.trainers.base import Example, Pair

PHASES = tuple(Phase)


def plan_round(store: Store, task: Task, settings: Settings, parent: Round) -> Plan:
    """Work out which levels the next round draws from, and say why.

    Raises:
        StudyError: The curriculum's bounds leave no level of the task.
    """
    success = {level: metric.value for level, metric in measured_success(store, parent.id).items()}
    taken = len(store.tree.branch(parent.id)) - 1
    state = curriculum.CurriculumState.from_json(parent.plan.state)
    known = (settings.curriculum, task.levels, taken, success, state)
    weights, state = curriculum.next_mixture(*known)
    problems = curriculum.allocate(weights, settings.draw.problems)
    return Plan(weights, problems, state.to_json(), curriculum.describe(*known))


def measured_success(store: Store, round_id: int) -> dict[int, Metric]:
    """Return a round's success by level, as the curriculum looks at it.

    That is the success of sampled answers, since those are what can be
    accepted; greedy accuracy stands in where the evaluation draws no samples.
    """
    return store.metrics.of(round_id, "pass@1") or store.metrics.of(round_id, "accuracy")


def open_round(store: Store, task: Task) -> Round:
    """Return the round that is under way, or open the next one from the head.

    The first round of a study, round 0, only evaluates the base.
    """
    under_way = store.tree.open_round()
    if under_way is not None:
        return under_way
    settings = store.tree.next_settings
    with store.transaction():
        if store.tree.head is None:
            return store.tree.add_round(None, settings, EMPTY_PLAN)
        parent = store.tree.round(store.tree.head)
        plan = plan_round(store, task, settings, parent)
        return store.tree.add_round(parent.id, settings, plan)


def run_round(
    store: Store, parts: Parts, round_: Round, until: Phase | None = None
) -> Generator[Event, None, None]:
    """Run a round from where it stands to its end, or up to and with one phase.

    Yields:
        Events, each after what it tells of is committed.

    Raises:
        SitoolError: A part cannot go on; what was committed is kept.
    """
    begun = store.samples.any_drawn(round_.id)
    yield events.RoundStarted(round_.id, round_.parent, round_.plan.sentence, begun)
    first = PHASES.index(round_.phase or Phase.DRAW)
    for phase in PHASES[first:]:
        if until is not None and PHASES.index(phase) > PHASES.index(until):
            yield events.RoundPaused(round_.id, phase)
            return
        yield from _run_phase(store, parts, round_, phase)
    finished = store.tree.round(round_.id)
    accuracy = store.metrics.of(round_.id, "accuracy")[0].value
    yield events.RoundFinished(round_.id, accuracy, finished.seconds)


def _run_phase(store: Store, parts: Parts, round_: Round, phase: Phase) -> Iterator[Event]:
    started = time.perf_counter()
    yield events.PhaseStarted(round_.id, phase)
    try:
        yield from WORK[phase](store, parts, round_)
    finally:
        seconds = time.perf_counter() - started
        store.tree.add_seconds(round_.id, seconds)
    with store.transaction():
        store.metrics.add(round_.id, [Metric(f"seconds_{phase}", 0, seconds)])
        if phase is PHASES[-1]:
            store.tree.finish_round(round_.id)
        else:
            store.tree.set_phase(round_.id, PHASES[PHASES.index(phase) + 1])
    yield events.PhaseFinished(round_.id, phase, seconds)


def draw(store: Store, parts: Parts, round_: Round) -> Iterator[Event]:
    """Draw the round's problems, none of them held out for evaluation."""
    seed, problems = round_.settings.seed, list[Problem]()
    for level, count in round_.plan.problems.items():
        path = (seed, round_.id, "draw", level)
        problems += draw_level(parts.task, level, count, path, held_out=False, repeat=True)
    with store.transaction():
        store.samples.add_draw(round_.id, "train", problems)
    yield events.ProblemsDrawn(round_.id, len(problems))


def sample(store: Store, parts: Parts, round_: Round) -> Iterator[Event]:
    """Let the parent's model answer every problem `draw.samples` times.

    For `dpo` the base answers in its place, for `xpo` as often beside it.
    """
    parts.model.use_adapter(adapter_of(store, pairing.writer_of(round_)))
    decoding = decoding_of(round_.settings)
    count = round_.settings.draw.samples
    yield from draw_samples(store, parts, round_, "train", decoding, count)
    if round_.settings.trainer.name == "xpo":
        parts.model.use_adapter(None)
        yield from draw_samples(store, parts, round_, "base", decoding, count)


def decoding_of(settings: Settings) -> Decoding:
    """Return how the settings want tokens drawn."""
    s = settings.sampler
    return Decoding(s.temperature, s.top_p, s.top_k, s.min_p, s.max_new_tokens, s.stop)


def draw_samples(
    store: Store, parts: Parts, round_: Round, role: str, decoding: Decoding, count: int
) -> Iterator[Event]:
    """Sample the problems of a draw that have no samples yet, chunk by chunk."""
    drawn = store.samples.draw(round_.id, "train" if role in RULED_ROLES else "evaluation")
    done = store.samples.drawn_positions(round_.id, role)
    requests = _requests(parts, round_, role, [problem for _, problem in drawn], count)
    for chunk in parts.sampler.sample(requests[done:], decoding):
        answered = drawn[done : done + len(chunk)]
        with store.transaction():
            store.samples.add_samples(round_.id, role, done, answered, chunk)
        done += len(chunk)
        yield events.SamplesDrawn(round_.id, role, done * count, len(drawn) * count)
        yield from warnings(parts, round_)


def _requests(
    parts: Parts,
    round_: Round,
    role: str,
    problems: Sequence[Problem],
    count: int,
    *,
    greedy: bool = False,
) -> list[Request]:
    """Ask for `count` samples of each problem, each with the seed of its own path."""
    seed, encode = round_.settings.seed, parts.model.encode
    return [
        Request(
            problem,
            encode(problem.prompt),
            tuple(derive_seed(seed, round_.id, role, position, i) for i in range(count)),
            greedy,
        )
        for position, problem in enumerate(problems)
    ]


def verify(store: Store, parts: Parts, round_: Round) -> Iterator[Event]:
    """Let every verifier score every sample; the judge is the model that wrote them.

    What only measures comes last: people look at it, and nothing is selected by it.
    """
    settings = round_.settings.verifier
    for name in dict.fromkeys((*settings.names, *settings.measure)):
        yield from score_samples(store, parts, round_, name, TRAIN)


def select(store: Store, parts: Parts, round_: Round) -> Iterator[Event]:
    """Turn scores and rulings into weights, and take in late rulings on the parent's samples.

    A ruling that comes before training begins still counts: then it selects again.
    """
    yield _select(store, round_)
    while store.samples.ruled_since_selection(round_.id):
        yield _select(store, round_)


def _select(store: Store, round_: Round) -> Event:
    weighed = weigh(store, round_)
    with store.transaction():
        store.samples.set_selection(round_.id, weighed.rows)
        store.samples.set_pairs(round_.id, weighed.pairs)
    return events.SamplesSelected(round_.id, weighed.accepted, weighed.samples, weighed.overruled)


def weigh(store: Store, round_: Round) -> Weighed:
    """Work out what a round trains on under the scores and rulings of this moment."""
    settings = round_.settings
    if settings.trainer.name in PAIR_OBJECTIVES:
        return pairing.pair_up(store, round_)
    samples = list(store.samples.each(SampleFilter(round=round_.id)))
    candidates = [_candidate(s) for s in samples]
    chosen = selection.select(candidates, settings.selection, settings.verifier.names[0])
    rows = [(s.id, c.weight, _rule(s, c.rule)) for s, c in zip(samples, chosen, strict=True)]
    carried = _carried(store, round_)
    overruled = sum(s.ruling is not None for s in samples) + len(carried)
    return Weighed(rows + carried, len(samples), overruled)


def _candidate(sample_: Sample) -> selection.Candidate:
    ruling = sample_.ruling
    said = None
    if ruling is not None:
        said = "reject" if ruling.action is Action.REJECT else "accept"
    return selection.Candidate(
        sample_.id, str(sample_.position), sample_.completion.text, sample_.scores, said
    )


def _rule(sample_: Sample, rule: str) -> str:
    ruling = sample_.ruling
    edited = ruling is not None and ruling.action is Action.EDIT
    return human_rule(Action.EDIT) if edited else rule


def _carried(store: Store, round_: Round) -> list[tuple[int, float, str]]:
    """Return what a person accepted or edited in the parent after it had been trained."""
    if round_.parent is None:
        return []
    return [
        (s.id, 1.0, human_rule(s.ruling.action, round_.parent))
        for s in store.samples.late_rulings(round_.parent)
        if s.ruling is not None and s.ruling.action is not Action.REJECT
    ]


def train(store: Store, parts: Parts, round_: Round) -> Iterator[Event]:
    """Fit the model to the selected samples by the trainer's objective."""
    folder = store.adapter_folder(round_.id)
    parent = adapter_of(store, round_.parent)
    examples = training_set(store, parts, round_)
    if not examples:
        parts.model.use_adapter(parent)
        parts.model.save_adapter(folder)
        yield events.Warned(round_.id, _why_nothing(round_.settings))
        return
    start = starting_adapter(store, round_)
    seed = derive_seed(round_.settings.seed, round_.id, "train")
    store.metrics.drop(round_.id, "loss")
    for step in parts.trainer.train(examples, start=start, seed=seed):
        store.metrics.add(round_.id, [Metric("loss", step.step, step.loss, n=step.tokens)])
        yield events.StepTrained(round_.id, step.step, step.steps, step.loss, step.tokens)
        yield from warnings(parts, round_)
    parts.model.save_adapter(folder)
    parts.trainer.save_state(folder)


def _why_nothing(settings: Settings) -> str:
    if settings.trainer.name in PAIR_OBJECTIVES:
        return "No two samples of a problem could be paired, so there was nothing to learn from."
    return "No sample was accepted, so there was nothing to learn from."


def training_set(store: Store, parts: Parts, round_: Round) -> Sequence[Example] | Sequence[Pair]:
    """Return what a round trains on: the model's own tokens, or a person's own text."""
    if round_.settings.trainer.name in PAIR_OBJECTIVES:
        return pairing.training_pairs(store, parts.model, round_)
    examples = []
    for sample_, weight in store.samples.selected(round_.id):
        ruling = sample_.ruling
        tokens = sample_.completion.token_ids
        if ruling is not None and ruling.action is Action.EDIT:
            tokens = parts.model.encode_completion(ruling.text or "")
        prompt = parts.model.encode(sample_.problem.prompt)
        examples.append(Example(prompt, tokens, sample_.problem.level, weight))
    return examples


def evaluate(store: Store, parts: Parts, round_: Round) -> Iterator[Event]:
    """Measure the round's model, greedy and sampled, on held-out problems of every level."""
    settings = round_.settings
    if not store.samples.draw(round_.id, "evaluation"):
        _draw_evaluation(store, parts, round_)
    parts.model.use_adapter(adapter_of(store, round_.id))
    yield from _draw_answers(store, parts, round_, settings.evaluation.samples)
    for name in dict.fromkeys((TRUTH, *settings.evaluation.verifiers)):
        yield from score_samples(store, parts, round_, name, HELD_OUT)
    with store.transaction():
        store.metrics.add(round_.id, measure_round(store, round_))


def _draw_answers(store: Store, parts: Parts, round_: Round, count: int) -> Iterator[Event]:
    """Answer held-out problems greedily and `count` times by chance, a prompt read once for both.

    A role that is ahead, as older versions left it, waits for the other.
    """
    drawn = store.samples.draw(round_.id, "evaluation")
    roles = ("greedy", "sampled") if count else ("greedy",)
    done = {role: store.samples.drawn_positions(round_.id, role) for role in roles}
    first, each = min(done.values()), count + 1
    problems = [problem for _, problem in drawn]
    requests = _requests(parts, round_, "sampled", problems, count, greedy=True)
    for chunk in parts.evaluator.sample(requests[first:], decoding_of(round_.settings)):
        answered = drawn[first : first + len(chunk)]
        answers = {"greedy": [row[:1] for row in chunk], "sampled": [row[1:] for row in chunk]}
        with store.transaction():
            for role in roles:
                new = min(max(done[role] - first, 0), len(chunk))
                rest = answers[role][new:]
                store.samples.add_samples(round_.id, role, first + new, answered[new:], rest)
        first += len(chunk)
        yield events.SamplesDrawn(round_.id, "evaluation", first * each, len(drawn) * each)
        yield from warnings(parts, round_)


def _draw_evaluation(store: Store, parts: Parts, round_: Round) -> None:
    count = round_.settings.evaluation.problems_per_level
    problems = parts.evaluation_problems(round_.settings, count)
    with store.transaction():
        store.samples.add_draw(round_.id, "evaluation", problems)


def evaluate_again(
    store: Store, parts: Parts, round_: Round, problems_per_level: int, samples: int
) -> Generator[Event, None, None]:
    """Measure a finished round with more problems or samples; its own numbers stay."""
    parts.model.use_adapter(adapter_of(store, round_.id))
    problems = parts.evaluation_problems(round_.settings, problems_per_level)
    greedy, sampled = yield from _mark_answers(parts, round_, problems, samples)
    seed = round_.settings.seed
    figures = [
        *measure_greedy(by_level(greedy), seed),
        *measure_pass_at_k(by_level(sampled), seed),
    ]
    rows = [(m.name, m.level, m.value, m.low, m.high, m.n) for m in figures]
    yield events.RoundEvaluated(round_.id, rows)


def _mark_answers(
    parts: Parts, round_: Round, problems: Sequence[Problem], count: int
) -> Generator[Event, None, tuple[list[Mark], list[Mark]]]:
    """Answer and score problems without keeping the answers: greedy marks, and sampled ones."""
    requests = _requests(parts, round_, "sampled again", problems, count, greedy=True)
    greedy: list[Mark] = []
    sampled: list[Mark] = []
    done, each = 0, count + 1
    for chunk in parts.evaluator.sample(requests, decoding_of(round_.settings)):
        answered = problems[done : done + len(chunk)]
        pairs = [(p, c) for p, cs in zip(answered, chunk, strict=True) for c in cs]
        scores = parts.truth.verify(pairs)
        for i, ((problem, completion), score) in enumerate(zip(pairs, scores, strict=True)):
            mark = Mark.of(problem, done + i // each, completion, score)
            (sampled if i % each else greedy).append(mark)
        done += len(chunk)
        yield events.SamplesDrawn(round_.id, "evaluation", done * each, len(problems) * each)
        yield from warnings(parts, round_)
    return greedy, sampled


Work = Callable[[Store, Parts, Round], Iterator[Event]]
WORK: dict[Phase, Work] = {
    Phase.DRAW: draw,
    Phase.SAMPLE: sample,
    Phase.VERIFY: verify,
    Phase.SELECT: select,
    Phase.TRAIN: train,
    Phase.EVALUATE: evaluate,
}
