"""What front ends say of one sample, part by part: spans of text, each with a tone.

A front end draws the tones in its own way; every colour stands beside a word, a sign or a
line under it. What this leaves out: the table of tokens (`tui/inspector_text.py`).
"""

import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from sitool.models.pieces import Piece
from sitool.records import RULED_ROLES, Action, Decision, Outcome, Sample, Score
from sitool.store import SampleLine, Store, round_label
from sitool.study.sample_words import SIGNS
from sitool.visible import one_line

Span: TypeAlias = tuple[str, str]
"""Text, safe to show, and its tone; "" is none."""
Spans: TypeAlias = list[Span]
MUTED, RIGHT, WRONG, STRONG = "muted", "right", "wrong", "strong"
"""Tones, beside those of `BANDS`."""
LONGEST = 6_000
"""Characters of a text, and tokens, that are shown."""
CUT = 1_000
"""Characters of an answer or a reason that are shown."""
BANDS = (
    (0.9, "sure", "sure, .9 and more"),
    (0.5, "likely", "likely, .5 to .9"),
    (0.1, "unlikely", "unlikely, .1 to .5"),
    (0.0, "surprising", "surprising, under .1"),
)
"""Of a token: the least probability, its tone, and what it means."""
BARS = "▁▂▃▄▅▆▇█"
NAME = 12

PARTS = (
    "Prompt", "Completion", "Answer", "Scores", "Selection", "Likelihood", "What people said",
    "The same problem, in every round",
)  # fmt: skip
NO_ANSWER = "no answer was read"


def read_siblings(store: Store, sample: Sample, most: int) -> list[SampleLine]:
    """Read the samples of the same problem, of all rounds; of too many those around this one."""
    ids = store.samples.siblings(sample.problem_id)
    place = max(0, ids.index(sample.id) - most // 2)
    return store.samples.lines(ids[place : place + most])


def lines_of(text: str) -> Spans:
    """Return a text in lines, with nothing in it that a terminal acts on."""
    lines = "\n".join(one_line(line) for line in text[:LONGEST].split("\n"))
    more = len(text) - LONGEST
    said = [(f"\n… and {more:,} more characters", MUTED)] if more > 0 else []
    return [(lines or " ", ""), *said]


def named(name: str, *spans: Span) -> Spans:
    """Write a line with a name before it."""
    return [(f"{name:<{NAME}}", MUTED), *spans]


def joined(lines: Iterable[Spans]) -> Spans:
    """Put lines below one another."""
    listed: Spans = []
    for line in lines:
        listed += [("\n", ""), *line] if listed else line
    return listed


# The completion and its tokens.


def completion_spans(
    sample: Sample, pieces: Sequence[Piece] | None, *, special: bool = False
) -> Spans:
    """Show the completion, its tokens toned by how likely each was.

    Args:
        pieces: Its tokens; None if what they read is not known.
        special: Show special tokens too.
    """
    completion = sample.completion
    if pieces is None:
        strip = probability_strip(completion.token_logprobs)
        return [*lines_of(completion.text), ("\n", ""), *strip]
    if len(completion.text) > LONGEST:
        return lines_of(completion.text)
    shown = [
        (piece_text(piece), "" if logprob is None else tone_of(logprob))
        for piece, logprob in zip(pieces, logprobs_of(sample), strict=True)
        if special or not piece.special
    ]
    return shown or [("(nothing)", MUTED)]


def logprobs_of(sample: Sample) -> Sequence[float | None]:
    """Return each token's log-probability, None where it is not given."""
    completion = sample.completion
    return completion.token_logprobs or (None,) * len(completion.token_ids)


def piece_text(piece: Piece) -> str:
    """Return what a token reads, safe to show; a line break also breaks the line."""
    shown = one_line(piece.text)
    if piece.special:
        return f"⟨{shown.strip('<>|')}⟩"
    return shown.replace("⏎", "⏎\n")


def tone_of(logprob: float) -> str:
    """Return the tone of a token of this log-probability."""
    probability = math.exp(min(0.0, logprob))
    return next(tone for least, tone, _ in BANDS if probability >= least)


def legend_spans(sample: Sample) -> Spans:
    """Say what the tones of tokens mean, or that there are none."""
    if not sample.completion.token_logprobs:
        return [("token: how likely each was is not given by the sampler", MUTED)]
    spans: Spans = [("token: ", MUTED)]
    for place, (_, tone, words) in enumerate(BANDS):
        spans += [(" · ", ""), (words, tone)] if place else [(words, tone)]
    return spans


def probability_strip(logprobs: Sequence[float]) -> Spans:
    """Draw each token's probability as a bar, for tokens whose text is not known."""
    return [(BARS[min(7, int(8 * math.exp(min(0.0, p))))], tone_of(p)) for p in logprobs[:LONGEST]]


# What was made of it.


def answer_spans(sample: Sample) -> Spans:
    """Set the answer that was read beside the truth."""
    read = next((s.answer for s in sample.scores.values() if s.answer is not None), None)
    answer = (NO_ANSWER, WRONG) if read is None else (one_line(read, CUT), "")
    truth = one_line(sample.problem.truth, CUT)
    return joined(
        [named("read", answer), named("truth", (truth, ""), ("  there may be others", MUTED))]
    )


def scores_spans(sample: Sample) -> Spans:
    """Say what every verifier gave, and why."""
    if not sample.scores:
        return [("Not scored yet.", MUTED)]
    return joined(score_spans(name, score) for name, score in sample.scores.items())


def score_spans(name: str, score: Score) -> Spans:
    """Say what one verifier gave."""
    known = score.outcome is Outcome.SCORED
    sign = SIGNS[score.passed if known else None]
    tone = (RIGHT if score.passed else WRONG) if known else ""
    value = score.outcome.value if score.value is None else f"{score.value:.2f}"
    flexible = ""
    if score.flexible is not None and score.flexible != score.value:
        flexible = f" (flexible {score.flexible:.2f}: the answer anywhere in the text)"
    why = f"{flexible}  {one_line(score.explanation, CUT)}"
    return named(name, (f"{sign} {value}", tone), (why, ""))


def selection_spans(sample: Sample) -> Spans:
    """Say how much the sample counts, and by which rule."""
    if sample.role not in RULED_ROLES:
        return [("None: it belongs to the evaluation, which nobody trains on.", MUTED)]
    if sample.weight is None:
        return [("Not selected yet; that follows the verifiers.", MUTED)]
    counts = "counts in training" if sample.weight else "does not count in training"
    rule = one_line(sample.rule)
    late = sample.ruling is not None and not rule.startswith("you ")
    since = "\nWhat people said since is taken in when the next training set is made."
    weight = (f"{sample.weight:.2f}, {counts}", "")
    return named("weight", weight, (f"  rule: {rule}", MUTED), *([(since, "")] if late else []))


def likelihood_spans(sample: Sample) -> Spans:
    """Say how likely the model found what it wrote."""
    completion = sample.completion
    count = len(completion.token_ids)
    ended = "ended by itself" if completion.finish == "stop" else "cut off at the limit of length"
    logprob = completion.logprob
    if logprob is None:
        likely = named("log p", ("not given by the sampler", ""))
    else:
        each = logprob / count if count else 0.0
        figures = f"{logprob:.3f} nats, {each:.3f} a token"
        likely = named("log p", (figures, ""), ("  (temperature 1)", MUTED))
    return joined([likely, named("length", (f"{count:,} tokens, {ended}", ""))])


SAID = {
    Action.ACCEPT: "accepted it",
    Action.REJECT: "rejected it",
    Action.EDIT: "wrote in its place",
    Action.NOTE: "noted",
    Action.CLEAR: "let the verifiers decide",
}


def decisions_spans(sample: Sample, ways: str) -> Spans:
    """List every decision, the one that holds marked.

    Args:
        ways: How a person decides here, where nothing was decided.
    """
    if not sample.decisions and sample.role not in RULED_ROLES:
        return [("Nothing: nobody overrules the evaluation.", MUTED)]
    if not sample.decisions:
        return [(f"Nothing. {ways}", MUTED)]
    holds = sample.ruling
    return joined(
        decision_spans(d, holds=holds is not None and d.id == holds.id) for d in sample.decisions
    )


def decision_spans(decision: Decision, *, holds: bool) -> Spans:
    """Say who decided what, when and why."""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(decision.time))
    text = f" {one_line(decision.text, 200)!r}" if decision.text is not None else ""
    because = f": {one_line(decision.reason, CUT)}" if decision.reason else ""
    said = f"{one_line(decision.author)} {SAID[decision.action]}{text}{because}"
    return [
        ("✎ " if holds else "  ", ""),
        (f"{at}  ", MUTED),
        (said, STRONG if holds else ""),
        (" (holds)" if holds else "", MUTED),
    ]


def others_spans(sample: Sample, others: Sequence[SampleLine]) -> Spans:
    """Say in a line for each round what its samples of this problem answered."""
    groups: dict[tuple[int, str], list[SampleLine]] = {}
    for line in others:
        groups.setdefault((line.round, line.role), []).append(line)
    return joined(
        [
            ("› " if place == (sample.round, sample.role) else "  ", ""),
            (f"{round_label(place[0])} {place[1]:<8}", ""),
            passed_span(group),
            (f"  {answers_text(group)}", ""),
        ]
        for place, group in groups.items()
    )


def passed_span(lines: Sequence[SampleLine]) -> Span:
    """Say how many of some samples passed."""
    count = sum(line.passed is True for line in lines)
    return (f"{'✓' if count else '✗'} {count} of {len(lines)}", RIGHT if count else WRONG)


def answers_text(lines: Iterable[SampleLine]) -> str:
    """List the answers, the most frequent first."""
    counts = Counter(line.answer for line in lines)
    return ", ".join(
        f"{'unparsed' if answer is None else one_line(answer, 30)}" + f" ×{n}" * (n > 1)
        for answer, n in counts.most_common(4)
    ) + (" …" if len(counts) > 4 else "")
