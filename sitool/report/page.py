"""Puts the report together and writes it, whole or not at all.

The file holds all that it needs: its style, its script, the chart libraries and the
charts' data. A policy inside of it forbids the browser to load anything, and to run
any script but these, whatever a text in the study may try.
"""

import base64
import hashlib
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from sitool.drafts import replaced_file
from sitool.errors import StudyError
from sitool.html.figures import moment
from sitool.html.markup import Markup, data, join, tag
from sitool.report.bundle import library
from sitool.report.cards import samples_section
from sitool.report.choosing import choose
from sitool.report.figures import Figures, charts_section
from sitool.report.judging import gap_section, sharpening_section
from sitool.report.outline import glance, rounds_section, settings_section
from sitool.report.provenance import provenance_section
from sitool.report.reproducing import reproducing_section
from sitool.store import Round, Store
from sitool.summary import Comparison, Summary, compare, summarise
from sitool.vega import THEMES

PARTS = {
    "glance": "At a glance",
    "charts": "Charts",
    "rounds": "Rounds",
    "gap": "Gap",
    "sharpening": "Sharpening",
    "samples": "Samples",
    "settings": "Settings",
    "provenance": "Provenance",
    "again": "Reproduce",
}


def write_report(store: Store, file: Path) -> Path:
    """Write a study as one HTML file and return the file.

    Raises:
        StudyError: There is nothing to report yet, or the file cannot be written.
        MissingDependencyError: vl-convert is not installed.
    """
    with library() as vega:
        content = make_page(store, vega, time.time())
    with replaced_file(file, make_folder=True) as draft:
        draft.write_text(content, encoding="utf-8")
    return file


def make_page(store: Store, vega: Callable[[], str], now: float) -> str:
    """Make the page; the same study gives the same one, but for the time in its footer.

    Args:
        vega: Returns the script that defines `vegaEmbed`; called when all else is done.
        now: When it is written, in seconds since 1970.

    Raises:
        StudyError: There is nothing to report yet.
    """
    summary = summarise(store)
    if summary.head is None:
        raise StudyError(
            "There is nothing to report yet: the base is not measured.",
            "try: sitool run DIR --rounds 0",
        )
    shown, figures = store.tree.round(summary.head), Figures()
    body = join(_sections(store, summary, shown, figures))
    name = store.folder.resolve().name
    task, base = shown.settings.task.name, shown.settings.model.base
    links = [tag("a", title, href=f"#{part}") for part, title in PARTS.items()]
    head = tag(
        "header",
        tag("h1", name),
        tag("p", f"A study of sitool: task {task}, base {base}, seed {shown.settings.seed}."),
        tag("nav", *links),
    )
    footer = tag("footer", f"Written by sitool, {moment(now)}.")
    scripts = [vega(), _own("page.js")]
    charts = [data("chart-specs", figures.specs), data("chart-themes", THEMES)]
    page = tag(
        "body", head, tag("main", body), footer, charts,
        [Markup(f"<script>{script}</script>") for script in scripts],
    )  # fmt: skip
    return f'<!doctype html>\n<html lang="en">{_head(name, scripts)}\n{page}</html>\n'


def _sections(store: Store, summary: Summary, shown: Round, figures: Figures) -> list[Markup]:
    base = store.tree.round(summary.rounds[0].round.id)
    since: Comparison | None = None
    if base.id != shown.id:
        since = compare(store, base, shown)
    return [
        glance(summary, summary.round(shown.id), since),
        charts_section(summary, shown.id, figures),
        rounds_section(summary),
        gap_section(store, figures),
        sharpening_section(store, shown, figures),
        samples_section(choose(store, since, shown)),
        settings_section(summary, store.tree.meta("preset")),
        provenance_section(store, summary),
        reproducing_section(store),
    ]


def _head(name: str, scripts: list[str]) -> Markup:
    """Make the head; its policy lets these scripts run and nothing be loaded."""
    allowed = " ".join(_source(script) for script in scripts)
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed};"
        " base-uri 'none'; form-action 'none'"
    )
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{name}: a study of sitool"),
        Markup(f"<style>{_own('page.css')}</style>"),
    )


def _source(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _own(name: str) -> str:
    return (files("sitool.report") / name).read_text(encoding="utf-8")
