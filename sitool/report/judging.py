"""The report's sections on judges: the generation-verification gap, and sharpening."""

from collections.abc import Iterator, Mapping

import numpy as np

from sitool.errors import SitoolError
from sitool.gap import GapReport, report_gap
from sitool.html.figures import difference, figure
from sitool.html.markup import Child, Markup, bullets, join, section, table, tag
from sitool.plots.gap import cross_map, gap_plot
from sitool.plots.sharpening import sharpening_plot
from sitool.report.figures import Figures
from sitool.sharpening import sentences
from sitool.sharpening.measuring import measure_sharpening
from sitool.sharpening.report import Adaptive, Asked, SharpeningReport, Targets
from sitool.store import Round, Store

MOST_ROUNDS = 10
"""Each takes half a second with a few thousand samples and three judges."""
READ_GAP = (
    "J is how often a sampled held-out answer is right, J[w] how often one is that the judge lets"
    " through; the gap is their difference, paired by problem. ▲ and ▼: surely above or below 0."
)
READ_SHARPENING = (
    "What choosing among a round's held-out samples by the model's own likelihood, or by majority,"
    " would bring; the skyline pass@N looks at the truth."
)


def gap_section(store: Store, figures: Figures) -> Markup:
    """Show the gap of every judge, or say how to get it."""
    rounds, left_out = _rounds_to_judge(store)
    try:
        report = report_gap(store, rounds)
    except SitoolError as error:
        return section("gap", "The generation-verification gap", _why_not(store, error))
    last = report.rounds[-1]
    names = list(dict.fromkeys(name for r in report.rounds for name in r.gaps))
    if not names:
        how = (
            "No judge has scored this study's held-out samples; to see whether the model can tell"
            " its good answers from its bad ones: "
        )
        command = tag("code", "sitool measure DIR --verifier mc")
        return section("gap", "The generation-verification gap", tag("p", how, command))
    return section(
        "gap",
        "The generation-verification gap",
        tag("p", READ_GAP, class_="note"),
        tag("p", _thinned(left_out)) if left_out else None,
        figures.draw("gap", gap_plot(report, "rounds", *names)),
        _gap_table(report),
        figures.draw("sweep", gap_plot(report, "share", *last.judges)) if last.judges else None,
        *(figures.draw(f"cross-{table.judge}", cross_map(table)) for table in report.cross),
        bullets(_gap_sentences(report)),
    )


def _rounds_to_judge(store: Store) -> tuple[list[int], int]:
    """Choose rounds from the base to the head, the last two among them, and count the rest."""
    branch = store.tree.branch(store.tree.head)
    measured = [r.id for r in branch if store.verdicts.any(r.id, "sampled")]
    if len(measured) <= MOST_ROUNDS:
        return measured, 0
    places = np.linspace(0, len(measured) - 2, MOST_ROUNDS - 1).round().astype(int)
    chosen = [*(measured[place] for place in places), measured[-1]]
    return chosen, len(measured) - len(chosen)


def _thinned(left_out: int) -> Markup:
    said = f"To be quick, rounds in between are left out here ({left_out} of them). All rounds: "
    return join([said, tag("code", "sitool gap DIR")])


def _why_not(store: Store, error: SitoolError) -> Markup:
    """Say why there is nothing to show and what to do, without this machine's folders."""
    return tag("p", f"{error.message} {error.hint}".strip().replace(str(store.folder), "DIR"))


def _gap_table(report: GapReport) -> Markup:
    heads = ("round", "verifier", "filter", "J", "J[w]", "gap", "relative gap", "samples kept")
    rows = [
        (
            r.label, name, gap.words, figure(gap.strict.accuracy), figure(gap.strict.reweighted),
            difference(gap.strict.gap), difference(gap.strict.relative_gap),
            f"{gap.kept:,} of {gap.samples:,}",
        )
        for r in report.rounds
        for name, gap in r.gaps.items()
    ]  # fmt: skip
    return table(heads, rows, numbers_from=3)


def _gap_sentences(report: GapReport) -> Iterator[Child]:
    for one in report.saturation:
        yield f"{one.verifier}: {one.sentence}"
    for update in report.updates:
        figures = update.strict
        yield tag(
            "span",
            f"r{update.parent:04d} → r{update.child:04d}, {update.verifier}: promised ",
            difference(figures.promised),
            ", accuracy rose by ",
            difference(figures.improvement),
        )
    yield from report.notes


def sharpening_section(store: Store, shown: Round, figures: Figures) -> Markup:
    """Show what choosing by likelihood would bring, or say how to get it."""
    title = "Sharpening: the model's own likelihood as the reward"
    try:
        report = measure_sharpening(store, shown, None, Targets())
    except SitoolError as error:
        return section("sharpening", title, _why_not(store, error))
    said = [
        sentences.on_curves(report),
        sentences.on_missing(report, "DIR"),
        sentences.on_adaptive(report.adaptive) if report.adaptive else "",
        sentences.on_sharpness(report),
        sentences.on_histogram(report),
    ]
    return section(
        "sharpening",
        title,
        tag("p", READ_SHARPENING, class_="note"),
        tag(
            "div",
            figures.draw("best-of-n", sharpening_plot(report, "best_of_n", sentences.NAMES)),
            figures.draw("likelihood", sharpening_plot(report, "right_wrong")),
            class_="charts",
        ),
        _curves_table(report),
        bullets([sentence for sentence in said if sentence]),
        _left_out(report.left_out),
        _adaptive_table(report.adaptive) if report.adaptive else None,
        _asked_table(report.asked, report.targets) if report.asked else None,
    )


def _curves_table(report: SharpeningReport) -> Markup:
    names = [sentences.NAMES[name] for name in report.best_of_n]
    rows: list[tuple[Child, ...]] = [
        (str(n), *(figure(points[row].accuracy) for points in report.best_of_n.values()),
         figure(skyline))
        for row, (n, skyline) in enumerate(report.pass_at_k.items())
    ]  # fmt: skip
    greedy = figure(report.greedy_accuracy)
    rows.append(("greedy", *(greedy for _ in names), greedy))
    return table(("N", *names, "any is right (pass@N)"), rows)


def _left_out(left_out: Mapping[str, int]) -> Child:
    if not left_out:
        return None
    return bullets(f"{count:,} problems left out: {why}." for why, count in left_out.items())


def _adaptive_table(found: Adaptive) -> Markup:
    heads = ("adaptive N", "accuracy", "samples a problem", "a fixed N as good", "saved")
    row = ("", figure(found.accuracy), f"{found.drawn.value:.1f}", f"{found.equal_n:.1f}",
           f"{found.saved:.0%}")  # fmt: skip
    return table(heads, [row])


def _asked_table(asked: Asked, t: Targets) -> Markup:
    rows = (
        ("best-of-N: N on the middle problem", asked.best_of_n),
        ("best-of-N: N on the one harder than nine of ten", asked.best_of_n_hard),
        ("SFT-sharpening: prompts n", asked.prompts),
        ("SFT-sharpening: samples N of each prompt", asked.samples),
        ("adaptive: samples on average, at most", asked.adaptive),
    )
    caption = (
        f"What the theory would ask for, up to a constant, with delta {t.delta:g}, epsilon"
        f" {t.epsilon:g}, rho {t.rho:g}, |Pi| {t.class_size:g}, and proxies for C_cov and y*"
    )
    written = [(name, f"{value:,.1f}" if value < 1e7 else f"{value:.1e}") for name, value in rows]
    return table(("", ""), written, caption=caption)
