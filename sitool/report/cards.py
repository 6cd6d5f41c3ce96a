"""How the report draws a sample: prompt, completion, truth, verdicts, weight and decisions."""

from collections.abc import Iterator, Sequence

from sitool.html.figures import NOTHING, moment, share
from sitool.html.markup import Markup, lines, section, table, tag, text
from sitool.records import Action, Decision, Outcome, Sample, Score, passed
from sitool.report.choosing import RULE, Chosen

SIGNS = {True: "✓ right", False: "✗ wrong", None: "? not known"}
SAID = {
    Action.ACCEPT: "accepted it",
    Action.REJECT: "rejected it",
    Action.EDIT: "wrote another completion",
    Action.NOTE: "noted",
    Action.CLEAR: "took the ruling back",
}


def samples_section(chosen: Sequence[Chosen]) -> Markup:
    """Show the chosen samples, and by what rule they were chosen."""
    shown = [_card(one) for one in chosen] or [tag("p", "No round has drawn samples yet.")]
    title = f"{len(chosen)} samples" if chosen else "Samples"
    return section("samples", title, tag("p", RULE, class_="note"), *shown)


def _card(one: Chosen) -> Markup:
    sample = one.sample
    head = tag(
        "h3",
        tag("span", SIGNS[passed(sample.scores)], class_="verdict"),
        f" {one.why} ",
        tag("small", _place(sample)),
    )
    answered = None
    if one.before is not None:
        answered = _field("the base answered", one.before.completion.text)
    return tag(
        "article",
        head,
        _field("prompt", sample.problem.prompt),
        _field("completion", sample.completion.text),
        answered,
        _field("truth", sample.problem.truth),
        _verdicts(sample),
        tag("p", _weight(sample), class_="note"),
        [_decision(decision) for decision in sample.decisions],
        class_="sample",
    )


def _place(sample: Sample) -> str:
    completion = sample.completion
    logprob = "not given" if completion.logprob is None else f"{completion.logprob:.2f} nats"
    end = "ended" if completion.finish == "stop" else "cut off at the limit"
    return (
        f"sample {sample.id}, r{sample.round}, {sample.role}, level {sample.problem.level},"
        f" {len(completion.token_ids):,} tokens, {end}, log-probability {logprob}"
    )


def _field(name: str, value: str) -> Markup:
    return tag("div", tag("span", name, class_="name"), tag("pre", lines(value)), class_="field")


def _verdicts(sample: Sample) -> Markup:
    if not sample.scores:
        return tag("p", "No verifier has scored it.", class_="note")
    heads = ("verifier", "verdict", "answer anywhere", "answer as read", "why")
    rows = [_verdict(name, score) for name, score in sample.scores.items()]
    return table(heads, rows, numbers_from=len(heads))


def _verdict(name: str, score: Score) -> tuple[str, ...]:
    said = {Outcome.UNPARSED: "unparsed", Outcome.ERROR: "the verifier failed"}
    value = said.get(score.outcome) or _value(score)
    answer = NOTHING if score.answer is None else score.answer
    return name, value, share(score.flexible), answer, score.explanation


def _value(score: Score) -> str:
    sign = "✓ " if score.passed else ""
    return f"{sign}{share(score.value)}"


def _weight(sample: Sample) -> str:
    if sample.weight is None:
        held_out = sample.role in ("greedy", "sampled")
        return "Held out: never trained on." if held_out else "Not selected yet."
    took = f"Counted in training with weight {sample.weight:.3g}"
    lead = took if sample.weight else "Did not count in training"
    return f"{lead}: {sample.rule}." if sample.rule else f"{lead}."


def _decision(decision: Decision) -> Markup:
    return tag("div", list(_decided(decision)), class_="decision")


def _decided(decision: Decision) -> Iterator[Markup]:
    yield text(f"✎ {decision.author} {SAID[decision.action]}, {moment(decision.time)}")
    if decision.reason:
        yield text(f": {decision.reason}")
    if decision.text is not None:
        yield tag("pre", lines(decision.text))
