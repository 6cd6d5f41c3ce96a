"""Reads the pools of a study's rounds and makes the report; says what is missing and how to get it.

The pool of a round is its held-out evaluation samples of role `sampled`, which the
round's own model wrote.
"""

from collections.abc import Sequence

import numpy as np

from sitool.errors import StudyError, UnknownNameError
from sitool.gap.assembly import TRUTH, Generation, Question, assemble, judges_of
from sitool.gap.filters import Filter
from sitool.gap.pool import CODES, SCORED, UNPARSED, UNSEEN, Bools, Ints, Pool, Verdicts
from sitool.gap.report import GapReport
from sitool.store import Round, Store, VerdictRows, round_label

ROLE = "sampled"


def report_gap(
    store: Store,
    rounds: Sequence[int] = (),
    verifiers: Sequence[str] = (),
    filters: Sequence[str] = (),
) -> GapReport:
    """Measure the generation-verification gap of some rounds of a study.

    Args:
        rounds: Their numbers; empty: every finished round from the base to the head
            that has held-out samples.
        verifiers: Names of verifiers, or several joined by `+`, which must all agree;
            empty: every judge that has scored these rounds.
        filters: `RULE:AMOUNT` for all verifiers, or `VERIFIER=RULE:AMOUNT` for one.

    Raises:
        StudyError: A round has no held-out samples whose truth is known, or a verifier
            has not scored any of the rounds; the hint says how to get that.
    """
    chosen = [store.tree.round(n) for n in dict.fromkeys(rounds)] or _branch(store)
    chosen.sort(key=lambda r: r.id)
    generations = [Generation(r.id, r.parent, read_pool(store, r)) for r in chosen]
    parsed = parse_filters(filters)
    question = Question(tuple(verifiers), parsed, chosen[0].settings.seed)
    _check_names(store, generations, [*verifiers, *filter(None, parsed)])
    return assemble(generations, question, _notes(store, generations, verifiers))


def parse_filters(texts: Sequence[str]) -> dict[str, Filter]:
    """Read filters, by the verifier that they are for; "" is for all others.

    Raises:
        StudyError: One cannot be read, or there are two for the same.
    """
    found: dict[str, Filter] = {}
    for text in texts:
        verifier, equals, rest = text.partition("=")
        name = verifier.strip() if equals else ""
        if name in found:
            raise StudyError(
                f"There are two filters for {name or 'all verifiers'!r}: {found[name]} and"
                f" {rest or text}.",
                "try: --filter RULE:AMOUNT once, or --filter VERIFIER=RULE:AMOUNT for each",
            )
        found[name] = Filter.parse(rest if equals else text)
    return found


def _branch(store: Store) -> list[Round]:
    """Return the rounds from the base to the head that have held-out samples."""
    branch = store.tree.branch(store.tree.head)
    if not branch:
        raise StudyError("The base is not measured yet.", f"try: sitool run {store.folder}")
    measured = [r for r in branch if store.verdicts.any(r.id, ROLE)]
    if not measured:
        raise _no_samples(store, branch[-1])
    return measured


def _no_samples(store: Store, round_: Round) -> StudyError:
    if not round_.finished:
        return StudyError(
            f"{round_.label} is not evaluated yet.", f"try: sitool step {store.folder}"
        )
    return StudyError(
        f"{round_.label} has no sampled answers to held-out problems:"
        f" evaluation.samples is {round_.settings.evaluation.samples}.",
        f"try: sitool set {store.folder} evaluation.samples=8, which holds from the next round on",
    )


def read_pool(store: Store, round_: Round) -> Pool:
    """Read a round's held-out samples.

    Raises:
        StudyError: It has none, or the truth knows none of them.
    """
    rows = store.verdicts.of(round_.id, ROLE)
    if rows is None:
        raise _no_samples(store, round_)
    pool = pool_of(rows)
    if not len(pool.problem):
        raise StudyError(
            f"The truth of none of the {pool.unknown:,} held-out samples of {round_.label} is"
            " known.",
            f"try: sitool measure {store.folder} --round {round_.id} --verifier {TRUTH}",
        )
    return pool


def pool_of(rows: VerdictRows) -> Pool:
    """Make the pool of what was read, without the samples whose truth is not known."""
    samples, first, row_sample = np.unique(
        np.array(rows.sample), return_index=True, return_inverse=True
    )
    order = np.argsort(first)
    place = np.empty(len(samples), dtype=np.int64)
    place[order] = np.arange(len(samples))
    verdicts, flexible, answer = _verdicts(rows, place[row_sample], len(samples))
    truth = verdicts.get(TRUTH)
    unseen = np.full(len(samples), UNSEEN)
    outcome = unseen if truth is None else truth.outcome
    known = (outcome == SCORED) | (outcome == UNPARSED)
    firsts = first[order]
    positions = np.array(rows.position)[firsts]
    strict = np.zeros(len(samples)) if truth is None else (truth.value >= 1).astype(float)
    heads, problem = np.unique(positions[known], return_inverse=True)
    at = firsts[np.searchsorted(positions, heads)]
    drawn = np.searchsorted(positions, heads, side="right") - np.searchsorted(positions, heads)
    return Pool(
        problem=problem.astype(np.int64),
        problem_id=np.array(rows.problem)[at],
        level=np.array(rows.level)[at],
        drawn=drawn,
        sample=samples[order][known],
        strict=strict[known],
        flexible=flexible[known],
        read=(outcome == SCORED)[known],
        answer=answer[known],
        verdicts={
            name: Verdicts(said.value[known], said.outcome[known])
            for name, said in verdicts.items()
        },
        unknown=int((~known).sum()),
    )


def _verdicts(
    rows: VerdictRows, sample: Ints, samples: int
) -> tuple[dict[str, Verdicts], np.ndarray, Ints]:
    """Return what each verifier said by sample; and of the truth flexible values and answers."""
    names = np.array([name or "" for name in rows.verifier])
    outcomes = np.array([UNSEEN if o is None else CODES[o] for o in rows.outcome])
    values = np.array(rows.value, dtype=float)
    found = {}
    flexible, answer = np.zeros(samples), np.full(samples, -1)
    for name in np.unique(names):
        mine = names == name
        if not name:
            continue
        value, outcome = np.full(samples, np.nan), np.full(samples, UNSEEN)
        outcome[sample[mine]] = outcomes[mine]
        value[sample[mine]] = np.where(outcomes[mine] == SCORED, values[mine], np.nan)
        found[str(name)] = Verdicts(value, outcome)
        if name == TRUTH:
            given = np.array(rows.flexible, dtype=float)[mine]
            flexible[sample[mine]] = np.nan_to_num(given) >= 1
            answer[sample[mine]] = _codes(rows.answer, mine)
    return found, flexible, answer


def _codes(answers: Sequence[str | None], mine: Bools) -> Ints:
    """Number the answers of some rows; -1 is none."""
    codes: dict[str, int] = {}
    given = [answers[row] for row in np.flatnonzero(mine).tolist()]
    return np.array([-1 if a is None else codes.setdefault(a, len(codes)) for a in given])


def _check_names(store: Store, generations: Sequence[Generation], verifiers: Sequence[str]) -> None:
    """Refuse verifiers that have scored none of the rounds."""
    names = {name for g in generations for name in g.pool.verdicts}
    known = sorted(names | {name.partition("@")[0] for name in names})
    last = generations[-1].round
    for name in dict.fromkeys(part for asked in verifiers for part in asked.split("+")):
        if name not in known:
            hint = f"try: sitool measure {store.folder} --round {last} --verifier {name}"
            raise UnknownNameError("verifier of these rounds' held-out samples", name, known, hint)


def _notes(store: Store, generations: Sequence[Generation], verifiers: Sequence[str]) -> list[str]:
    """Say which rounds lack a judge, and how to get its scores."""
    asked = dict.fromkeys(part for name in verifiers for part in name.split("+"))
    notes = []
    for name in asked or [""]:
        lacking = [
            g.round
            for g in generations
            if (name not in g.pool.verdicts if name else not judges_of(g.pool))
        ]
        if lacking:
            notes.append(_note(store, lacking, name))
    return notes


def _note(store: Store, lacking: Sequence[int], name: str) -> str:
    labels = ", ".join(round_label(number) for number in lacking)
    who = f"{name} has not" if name else "No judge has"
    likewise = " (and likewise the others)" if len(lacking) > 1 else ""
    judge = name or "mc"
    return (
        f"{who} scored the held-out samples of {labels}, so no gap is shown there; to get it:"
        f" sitool measure {store.folder} --round {lacking[0]} --verifier {judge}{likewise}; for"
        f" rounds to come: sitool set {store.folder} 'evaluation.verifiers=[\"{judge}\"]'."
    )
