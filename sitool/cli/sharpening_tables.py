"""What `sitool sharpen` prints: curves, histograms, what the theorems would ask for, sentences."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from sitool.metrics import Accuracy
from sitool.sharpening import sentences
from sitool.sharpening.report import Asked, Histogram, Point, SharpeningReport
from sitool.study.round_words import short

BAR_WIDTH = 24
THEORY = "the theory would ask for"

Said = str | Table


def reading(report: SharpeningReport, folder: str, level: int | None = None) -> Iterator[Said]:
    """Yield all that is said of a report, in order; a sentence that begins a part has a line above.

    Args:
        folder: Of the study, for what one could type.
        level: The one that was asked for.
    """
    where = "" if level is None else f", level {level}"
    yield (
        f"r{report.round:04d}{where}: {report.problems:,} held-out problems,"
        f" {report.samples} samples each."
    )
    for reason, count in report.left_out.items():
        yield f"{count:,} problems left out: {reason}."
    if report.cut_off >= 0.0005:
        yield f"{report.cut_off:.1%} of the samples were cut off at the limit; they come last."
    yield from _curves(report)
    missing = sentences.on_missing(report, folder)
    if missing:
        yield missing
    yield from _sharpness(report)


def _curves(report: SharpeningReport) -> Iterator[Said]:
    if "likelihood" in report.best_of_n:
        yield "\nBest of N, chosen by likelihood under the base"
        yield points_table(report.best_of_n["likelihood"], report.greedy_logprob)
    yield "\nAccuracy of the best of N, by what it is chosen by"
    yield curves_table(report)
    yield sentences.on_curves(report)


def _sharpness(report: SharpeningReport) -> Iterator[Said]:
    if report.adaptive is not None:
        yield f"\nAdaptive N. {sentences.on_adaptive(report.adaptive)}"
    yield f"\nSharpness. {sentences.on_sharpness(report)}"
    if report.histogram is not None:
        yield "\nLog-probability under the base, of right and of wrong samples"
        yield histogram_table(report.histogram)
        yield sentences.on_histogram(report)
    if report.asked is not None:
        t = report.targets
        yield (
            f"\nWith delta {t.delta:g}, epsilon {t.epsilon:g}, rho {t.rho:g}, |Pi|"
            f" {t.class_size:g}, constant {t.constant:g} and proxies for C_cov and y*"
        )
        yield asked_table(report.asked)


def points_table(points: Sequence[Point], greedy: Accuracy | None) -> Table:
    """Lay out one curve: accuracy, log-probability under the base, and lifts over greedy."""
    table = _table("N", "right", "over greedy", "log p", "over greedy")
    for p in points:
        right, logprob = p.accuracy, p.logprob
        table.add_row(
            str(p.n),
            f"{short(right.value)} ({short(right.low)} to {short(right.high)})",
            sentences.lift_words(p.lift),
            "" if logprob is None else f"{logprob.value:.2f}",
            sentences.lift_words(p.logprob_lift),
        )
    if greedy is not None:
        table.add_row("greedy", "", "", f"{greedy.value:.2f}", "")
    return table


def curves_table(report: SharpeningReport) -> Table:
    """Lay out the accuracy of every self-reward side by side, and the skyline."""
    table = _table("N", *(sentences.NAMES[name] for name in report.best_of_n), "any (pass@N)")
    for row, (k, skyline) in enumerate(report.pass_at_k.items()):
        accuracies = [short(points[row].accuracy.value) for points in report.best_of_n.values()]
        table.add_row(str(k), *accuracies, short(skyline.value))
    greedy = short(report.greedy_accuracy.value)
    table.add_row("greedy", *(greedy for _ in report.best_of_n), greedy)
    return table


def histogram_table(found: Histogram) -> Table:
    """Draw both histograms: right samples as █, wrong ones as ░."""
    table = _table("from, in nats", "right", "wrong", "")
    most = max(*found.right, *found.wrong, 1)
    for low, right, wrong in zip(found.edges, found.right, found.wrong, strict=False):
        if right or wrong:
            bars = "█" * _length(right, most) + "░" * _length(wrong, most)
            table.add_row(f"{low:.1f}", f"{right:,}", f"{wrong:,}", bars)
    return table


def asked_table(asked: Asked) -> Table:
    """Lay out what the theorems would ask for."""
    table = _table(THEORY, "up to a constant", "")
    rows = (
        ("best-of-N: N", asked.best_of_n, "on the middle problem"),
        ("", asked.best_of_n_hard, "on the one harder than nine of ten"),
        ("SFT-sharpening: prompts n", asked.prompts, ""),
        ("SFT-sharpening: samples N", asked.samples, "of each prompt"),
        ("adaptive: samples", asked.adaptive, "on average, at most"),
    )
    for name, value, remark in rows:
        table.add_row(name, f"{value:,.1f}" if value < 1e7 else f"{value:.1e}", remark)
    return table


def _length(count: int, most: int) -> int:
    return max(1, round(count / most * BAR_WIDTH)) if count else 0


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), title_justify="left")
    for place, name in enumerate(columns):
        is_number = bool(name) and (place or name != THEORY)
        table.add_column(name, justify="right" if is_number else "left", no_wrap=True)
    return table
