"""What the inspector says of a sample, part by part. Pure functions to styled text.

Every colour stands beside a word, a sign or a line under it.
"""

import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content

from sitool.models.pieces import Piece
from sitool.records import RULED_ROLES, Action, Decision, Outcome, Sample, Score
from sitool.sample_words import SIGNS
from sitool.store import SampleLine, round_label
from sitool.visible import one_line

LONGEST = 6_000
"""Characters of a text, and tokens, that are shown."""
CUT = 1_000
"""Characters of an answer or a reason that are shown."""
BANDS = (
    (0.9, "", "sure, .9 and more"),
    (0.5, "$primary italic", "likely, .5 to .9"),
    (0.1, "$warning underline", "unlikely, .1 to .5"),
    (0.0, "$warning bold reverse", "surprising, under .1"),
)
MUTED = "$foreground-muted"
BARS = "▁▂▃▄▅▆▇█"
BAR_WIDTH = 20
NAME = 12


@dataclass(frozen=True, slots=True)
class Ways:
    """How the completion is shown.

    Attributes:
        table: One token in a line, with its numbers.
        special: Special tokens too.
    """

    table: bool = False
    special: bool = False


PARTS = (
    "Prompt", "Completion", "Answer", "Scores", "Selection", "Likelihood", "What people said",
    "The same problem, in every round",
)  # fmt: skip


def part_texts(
    sample: Sample, pieces: Sequence[Piece] | None, others: Sequence[SampleLine], ways: Ways
) -> list[Content]:
    """Say everything about a sample, in the order of `PARTS`."""
    return [
        shown_text(sample.problem.prompt),
        completion_text(sample, pieces, ways),
        answer_text(sample),
        scores_text(sample),
        selection_text(sample),
        likelihood_text(sample),
        decisions_text(sample),
        others_text(sample, others),
    ]


def shown_text(text: str) -> Content:
    """Return a text in lines, with nothing in it that a terminal acts on."""
    lines = "\n".join(one_line(line) for line in text[:LONGEST].split("\n"))
    more = len(text) - LONGEST
    said = f"\n… and {more:,} more characters" if more > 0 else ""
    return Content.assemble(lines or " ", (said, MUTED))


def named(name: str, *words: str | tuple[str, str] | Content) -> Content:
    """Write a line with a name before it."""
    return Content.assemble((f"{name:<{NAME}}", MUTED), *words)


# The completion and its tokens.


def completion_text(sample: Sample, pieces: Sequence[Piece] | None, ways: Ways) -> Content:
    """Show the completion, its tokens marked by how likely each was."""
    completion = sample.completion
    given = bool(completion.token_logprobs)
    if pieces is None:
        strip = probability_strip(completion.token_logprobs)
        return Content.assemble(shown_text(completion.text), "\n", strip, "\n", legend(given))
    if len(completion.text) > LONGEST:
        return shown_text(completion.text)
    if ways.table:
        return token_table(sample, pieces)
    shown = [
        (piece_text(piece), "" if logprob is None else band_of(logprob))
        for piece, logprob in zip(pieces, _logprobs(sample), strict=True)
        if ways.special or not piece.special
    ]
    text = Content.assemble(*shown) if shown else Content("(nothing)").stylize(MUTED)
    return Content.assemble(text, "\n", legend(given))


def _logprobs(sample: Sample) -> Sequence[float | None]:
    """Return each token's log-probability, None where it is not given."""
    completion = sample.completion
    return completion.token_logprobs or (None,) * len(completion.token_ids)


def piece_text(piece: Piece) -> str:
    """Return what a token reads, safe to show; a line break also breaks the line."""
    shown = one_line(piece.text)
    if piece.special:
        return f"⟨{shown.strip('<>|')}⟩"
    return shown.replace("⏎", "⏎\n")


def band_of(logprob: float) -> str:
    """Return the style of a token of this log-probability."""
    probability = math.exp(min(0.0, logprob))
    return next(style for least, style, _ in BANDS if probability >= least)


def legend(given: bool) -> Content:
    """Say what the marks mean, or that there are none."""
    if not given:
        return muted("token: how likely each was is not given by the sampler   t numbers")
    words = [Content.assemble((name, style)) for _, style, name in BANDS]
    return Content.assemble(("token: ", MUTED), Content(" · ").join(words), ("   t numbers", MUTED))


def probability_strip(logprobs: Sequence[float]) -> Content:
    """Draw each token's probability as a bar, for tokens whose text is not known."""
    return Content.assemble(
        *((BARS[min(7, int(8 * math.exp(min(0.0, p))))], band_of(p)) for p in logprobs[:LONGEST])
    )


def token_table(sample: Sample, pieces: Sequence[Piece]) -> Content:
    """List the tokens with their numbers."""
    completion = sample.completion
    rows = zip(pieces, completion.token_ids, _logprobs(sample), strict=True)
    head = f"{'':>4}  {'token':<16}{'id':>7}{'log p':>9}{'p':>7}\n"
    return Content.assemble(
        (head, MUTED),
        Content("\n").join(
            Content.assemble(
                f"{n:>4}  ",
                (_token_name(piece), "" if p is None else band_of(p)),
                " " * (16 - cell_len(_token_name(piece))),
                f"{token:>7}",
                *_likelihood_cells(p),
            )
            for n, (piece, token, p) in enumerate(rows, 1)
        ),
    )


def _likelihood_cells(logprob: float | None) -> tuple[str | tuple[str, str], ...]:
    if logprob is None:
        return (f"{'-':>9}{'-':>7}",)
    p = math.exp(min(0.0, logprob))
    return (f"{logprob:>9.3f}{p:>7.2f}  ", ("█" * round(BAR_WIDTH * p), "$primary"))


def _token_name(piece: Piece) -> str:
    shown = piece_text(piece).replace("\n", "")
    return one_line(shown.replace(" ", "␠"), 15)


# What was made of it.


def answer_text(sample: Sample) -> Content:
    """Set the answer that was read beside the truth."""
    read = next((s.answer for s in sample.scores.values() if s.answer is not None), None)
    return Content.assemble(
        named(
            "read", one_line(read, CUT) if read is not None else ("no answer was read", "$warning")
        ),
        "\n",
        named("truth", one_line(sample.problem.truth, CUT), ("  there may be others", MUTED)),
    )


def scores_text(sample: Sample) -> Content:
    """Say what every verifier gave, and why."""
    if not sample.scores:
        return muted("Not scored yet.")
    return Content("\n").join(score_line(name, score) for name, score in sample.scores.items())


def score_line(name: str, score: Score) -> Content:
    """Say what one verifier gave."""
    known = score.outcome is Outcome.SCORED
    sign = SIGNS[score.passed if known else None]
    style = ("$success" if score.passed else "$warning") if known else ""
    value = score.outcome.value if score.value is None else f"{score.value:.2f}"
    flexible = ""
    if score.flexible is not None and score.flexible != score.value:
        flexible = f" (flexible {score.flexible:.2f}: the answer anywhere in the text)"
    return named(
        name, (f"{sign} {value}", style), f"{flexible}  {one_line(score.explanation, CUT)}"
    )


def selection_text(sample: Sample) -> Content:
    """Say how much the sample counts, and by which rule."""
    if sample.role not in RULED_ROLES:
        return muted("None: it belongs to the evaluation, which nobody trains on.")
    if sample.weight is None:
        return muted("Not selected yet; that follows the verifiers.")
    counts = "counts in training" if sample.weight else "does not count in training"
    rule = one_line(sample.rule)
    late = sample.ruling is not None and not rule.startswith("you ")
    return Content.assemble(
        named("weight", f"{sample.weight:.2f}, {counts}", (f"  rule: {rule}", MUTED)),
        "\nWhat people said since is taken in when the next training set is made." * late,
    )


def likelihood_text(sample: Sample) -> Content:
    """Say how likely the model found what it wrote."""
    completion = sample.completion
    count = len(completion.token_ids)
    ended = "ended by itself" if completion.finish == "stop" else "cut off at the limit of length"
    logprob = completion.logprob
    if logprob is None:
        likely = named("log p", "not given by the sampler")
    else:
        each = logprob / count if count else 0.0
        likely = named(
            "log p", f"{logprob:.3f} nats, {each:.3f} a token", ("  (temperature 1)", MUTED)
        )
    return Content.assemble(
        likely,
        "\n",
        named("length", f"{count:,} tokens, {ended}"),
    )


SAID = {
    Action.ACCEPT: "accepted it",
    Action.REJECT: "rejected it",
    Action.EDIT: "wrote in its place",
    Action.NOTE: "noted",
    Action.CLEAR: "let the verifiers decide",
}


def decisions_text(sample: Sample) -> Content:
    """List every decision, the one that holds marked."""
    if not sample.decisions and sample.role not in RULED_ROLES:
        return muted("Nothing: nobody overrules the evaluation.")
    if not sample.decisions:
        return muted("Nothing. a accepts, x rejects, e edits, n writes a note.")
    holds = sample.ruling
    lines = [decision_line(d, holds is not None and d.id == holds.id) for d in sample.decisions]
    return Content("\n").join(lines)


def decision_line(decision: Decision, holds: bool) -> Content:
    """Say who decided what, when and why."""
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(decision.time))
    text = f" {one_line(decision.text, 200)!r}" if decision.text is not None else ""
    because = f": {one_line(decision.reason, CUT)}" if decision.reason else ""
    return Content.assemble(
        "✎ " if holds else "  ",
        (f"{at}  ", MUTED),
        (f"{one_line(decision.author)} {SAID[decision.action]}{text}{because}", "bold" * holds),
        (" (holds)" if holds else "", MUTED),
    )


def others_text(sample: Sample, others: Sequence[SampleLine]) -> Content:
    """Say in a line for each round what its samples of this problem answered."""
    groups: dict[tuple[int, str], list[SampleLine]] = {}
    for line in others:
        groups.setdefault((line.round, line.role), []).append(line)
    lines = [
        Content.assemble(
            "› " if place == (sample.round, sample.role) else "  ",
            f"{round_label(place[0])} {place[1]:<8}",
            passed_text(group),
            f"  {answers_text(group)}",
        )
        for place, group in groups.items()
    ]
    return Content("\n").join(lines)


def passed_text(lines: Sequence[SampleLine]) -> Content:
    """Say how many of some samples passed."""
    count = sum(line.passed is True for line in lines)
    style = "$success" if count else "$warning"
    return Content.assemble((f"{'✓' if count else '✗'} {count} of {len(lines)}", style))


def answers_text(lines: Iterable[SampleLine]) -> str:
    """List the answers, the most frequent first."""
    counts = Counter(line.answer for line in lines)
    return ", ".join(
        f"{'unparsed' if answer is None else one_line(answer, 30)}" + f" ×{n}" * (n > 1)
        for answer, n in counts.most_common(4)
    ) + (" …" if len(counts) > 4 else "")


def muted(words: str) -> Content:
    """Write words that say that there is nothing."""
    return Content(words).stylize(MUTED)
