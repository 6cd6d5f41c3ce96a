"""The report of real studies: its structure, its escapes, and what a real browser makes of it."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import visit
from studies import create, first_sample, rows
from typer.testing import CliRunner

import sitool
from sitool.cli.app import app
from sitool.client import Study
from sitool.errors import MissingDependencyError, StudyError
from sitool.html import markup
from sitool.records import Outcome, Score
from sitool.report import choosing, page, reproducing
from sitool.store import Store

LIBRARY = "window.vegaEmbed = null;"
"""Stands where the charts' library stands, in tests that run no script."""
HOSTILE = (
    '</script><script>x=1</script><img src="http://evil.invalid/p" onerror="x()">\u202egnp\x1b[31m'
)
JUDGED = (
    'verifier.names=["mc", "majority"]',
    "selection.threshold=0.5",
    'evaluation.verifiers=["mc", "likelihood"]',
)
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed, in order; ids are used once."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def ids(self) -> list[str]:
        return [str(a["id"]) for _, a in self.elements if "id" in a]


def store_of(study: Study) -> Store:
    return Store(study.folder)


def html_of(study: Study, now: float = 0.0) -> str:
    pytest.importorskip("vl_convert")
    return page.make_page(store_of(study), lambda: LIBRARY, now)


@pytest.fixture(scope="module")
def judged_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study with judges' scores, people's decisions, a fork and hostile texts."""
    study = create(tmp_path_factory.mktemp("judged") / "study<b>", *JUDGED)
    study.run(2)
    study.reject(first_sample(study, 1, accepted=True).id, HOSTILE)
    study.edit(first_sample(study, 2, accepted=False).id, HOSTILE, "better so")
    study.note(first_sample(study, 2).id, HOSTILE)
    with (store := store_of(study)).transaction():
        ids = [s.id for role in ("greedy", "train") for s in study.round(2).samples(role=role)]
        said = Score(Outcome.ERROR, explanation=HOSTILE, answer=HOSTILE)
        store.samples.add_scores("odd", [(i, said) for i in ids])
    store.close()
    study.fork(1, "trainer.epochs=3")
    study.step()
    study.fork(2)
    study.close()
    return study.folder


@pytest.fixture
def judged(judged_folder: Path, tmp_path: Path) -> Iterator[Study]:
    shutil.copytree(judged_folder, tmp_path / judged_folder.name)
    opened = sitool.open(tmp_path / judged_folder.name)
    yield opened
    opened.close()


# What is in it.


def test_every_part_is_there_once_and_every_link_leads_to_one(judged: Study) -> None:
    read = Reader(html_of(judged))
    assert len(read.ids) == len(set(read.ids))
    assert set(page.PARTS) <= set(read.ids)
    links = {a["href"] for tag, a in read.elements if tag == "a"}
    assert links == {f"#{part}" for part in page.PARTS}


def test_a_page_has_a_chart_of_everything_with_a_still_of_each(judged: Study) -> None:
    read = Reader(html_of(judged))
    specs = json.loads(read.scripts[0])
    wanted = {"accuracy", "accuracy-map", "accepted", "feedback", "pass-at-k", "entropy", "weights",
              "loss", "gap", "sweep", "best-of-n", "branch-3"}  # fmt: skip
    assert {f"chart-{name}" for name in wanted} <= set(specs)
    assert set(specs) <= set(read.ids)
    stills = [a for tag, a in read.elements if tag == "img"]
    assert len(stills) == len(specs)
    assert all(str(a["src"]).startswith("data:image/svg+xml;base64,") and a["alt"] for a in stills)


def test_every_accuracy_stands_with_its_interval_and_its_n(judged: Study) -> None:
    text = Reader(html_of(judged)).text
    for r in judged.summary().rounds:
        for metric in r.accuracy.values():
            low, high = metric.low, metric.high
            assert low is not None
            assert high is not None
            assert f"{metric.value:.2f} {low:.2f} to {high:.2f}, n={metric.n}" in text


def test_a_study_without_judges_says_how_to_get_the_gap(study: Study) -> None:
    read = Reader(html_of(study))
    assert "sitool measure DIR --verifier mc" in read.text
    assert "chart-gap" not in read.ids


def test_of_many_rounds_some_are_judged_the_last_two_among_them(
    judged: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sitool.report import judging

    assert judging._rounds_to_judge(store_of(judged)) == ([0, 1, 2], 0)
    monkeypatch.setattr(judging, "MOST_ROUNDS", 2)
    assert judging._rounds_to_judge(store_of(judged)) == ([0, 2], 1)
    assert "rounds in between are left out here (1 of them)" in Reader(html_of(judged)).text


def test_changed_settings_and_the_redone_branch_are_told(judged: Study) -> None:
    text = Reader(html_of(judged)).text
    assert "trainer.epochs: 2 → 3" in text
    assert "verifier.names" in text


def test_samples_show_prompt_truth_verdicts_weight_and_decisions(judged: Study) -> None:
    read = Reader(html_of(judged))
    chosen = choosing.choose(store_of(judged), judged.compare(0, 2), judged.round(2).record)
    for one in chosen:
        assert one.sample.problem.prompt in read.text
        assert one.sample.rule in read.text
        for name, score in one.sample.scores.items():
            assert name in read.text
            assert markup.one_line(score.explanation) in read.text
    assert "better so" in read.text


# Which samples.


def test_the_choice_is_the_same_twice_and_holds_what_its_rule_says(judged: Study) -> None:
    since, shown, store = judged.compare(0, 2), judged.round(2).record, store_of(judged)
    first, second = (choosing.choose(store, since, shown) for _ in range(2))
    assert first == second
    assert len({one.sample.id for one in first}) == len(first) <= choosing.MOST
    kinds = [one.why for one in first]
    assert kinds.count("newly solved") == min(choosing.NEWLY_SOLVED, len(since.gained))
    assert {s.sample.id for s in first if s.why == "newly solved"} <= {b for _, b in since.gained}
    assert kinds.count("overruled by a person") == 2
    scores = [
        min(score.value for score in s.scores.values() if score.value is not None)
        for s in judged.round(2).samples(score=(0.0, 1.0))
    ]
    highest = next(one.sample for one in first if one.why == "highest score")
    assert max(scores) == min(
        score.value for score in highest.scores.values() if score.value is not None
    )
    for level in (k for k, n in shown.plan.problems.items() if n):
        for accepted, word in ((True, "accepted"), (False, "rejected")):
            there = any(judged.round(2).samples(level=level, accepted=accepted))
            shown_too = any(
                one.sample.problem.level == level
                and one.sample.accepted is accepted
                and one.sample.role == "train"
                for one in first
            )
            assert shown_too == there, f"{word}, level {level}"


# What it must not do.


def test_no_text_of_a_study_becomes_markup(judged: Study) -> None:
    html = html_of(judged)
    read = Reader(html)
    assert "evil.invalid" in read.text
    assert not [a for _, a in read.elements if any(name.startswith("on") for name in a)]
    assert len(read.scripts) == 4
    assert html.count("<script") == html.count("</script") == 4
    assert "<b>" not in html
    assert "study<b>" in read.text


def test_control_and_bidi_characters_are_visible(judged: Study) -> None:
    html = html_of(judged)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", html)
    assert "�gnp␛[31m" in html


def test_the_policy_names_the_scripts_and_lets_nothing_be_loaded(judged: Study) -> None:
    read = Reader(html_of(judged))
    (policy,) = (a["content"] for _, a in read.elements if "http-equiv" in a)
    assert "default-src 'none'" in str(policy)
    assert "unsafe-eval" not in str(policy)
    assert "script-src 'sha256-" in str(policy)
    loaded = [a.get("src") or a.get("href") or "#" for _, a in read.elements]
    assert all(str(place).startswith(("#", "data:")) for place in loaded)


def test_the_same_study_gives_the_same_page_but_for_its_time(judged: Study) -> None:
    assert html_of(judged) == html_of(judged)
    later = html_of(judged, 86400.0)
    different = [
        (one, other)
        for one, other in zip(html_of(judged).split("<"), later.split("<"), strict=True)
        if one != other
    ]
    assert len(different) == 1
    assert "Written by sitool" in different[0][0]


def test_a_long_text_is_cut_and_says_so() -> None:
    shown = markup.text("a" * 10_000)
    assert len(shown) < 7000
    assert "4,000 more characters" in shown


# Reproducing.


def test_the_commands_make_the_study_again(tmp_path: Path) -> None:
    study = create(tmp_path / "one", "draw.problems=16")
    study.run(1)
    study.step("select")
    study.reject(first_sample(study, 2, accepted=True).id, "it's a guess")
    study.step()
    study.edit(first_sample(study, 1, accepted=False).id, "-ab", "mine")
    study.note(first_sample(study, 1).id, "-look")
    study.fork(1, "trainer.epochs=3", "curriculum.rule=fixed")
    study.step()
    study.measure(3, ["mc"])
    commands = list(reproducing.commands_of(store_of(study)))
    assert commands[0].startswith("pip install")
    for command in commands[1:-1]:
        words = [str(tmp_path / "two") if w == "DIR" else w for w in shlex.split(command)[1:]]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, (command, done.output)
    sql = "SELECT round, role, position, idx, text, logprob FROM samples ORDER BY id"
    assert rows(tmp_path / "one", sql) == rows(tmp_path / "two", sql)
    for table in ("SELECT * FROM selections", "SELECT * FROM scores",
                  "SELECT sample, action, text, reason FROM decisions",
                  "SELECT * FROM metrics WHERE name NOT LIKE 'seconds_%'"):  # fmt: skip
        assert sorted(rows(tmp_path / "one", table), key=repr) == sorted(
            rows(tmp_path / "two", table), key=repr
        )


def test_the_page_shows_the_commands_as_they_are(judged: Study) -> None:
    shown = Reader(html_of(judged)).text
    for command in reproducing.commands_of(store_of(judged)):
        assert f"{command}\n" in shown


@pytest.mark.parametrize("word", ["it's", "a\nb\tc", "back\\slash\n'q'", "\x1b[31m", "é\u202e$x`"])
def test_a_shell_reads_quoted_words_as_they_were(word: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    asked = [bash, "-c", f"printf %s {reproducing.quoted(word)}"]
    env = {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(asked, capture_output=True, check=True, env=env)
    assert done.stdout.decode() == word


# Writing it.


def test_the_command_writes_the_file_and_says_where(study: Study, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    file = tmp_path / "new" / "r.html"
    done = CliRunner().invoke(app, ["report", str(study.folder), "--output", str(file)])
    assert done.exit_code == 0, done.output
    assert "Wrote" in done.output
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [p.name for p in file.parent.iterdir()] == ["r.html"]


def test_a_study_without_its_base_measured_is_refused_and_nothing_written(tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    study = create(tmp_path / "study")
    with pytest.raises(StudyError, match="nothing to report yet"):
        study.report(tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


def test_a_base_alone_and_an_open_round_are_reported(tmp_path: Path) -> None:
    study = create(tmp_path / "study")
    study.run(0)
    assert "nothing was trained" in Reader(html_of(study)).text.lower()
    study.step("select")
    assert "under way" in Reader(html_of(study)).text


def test_a_missing_extra_is_one_line_that_names_it(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(MissingDependencyError, match="The report needs") as caught:
        study.report(tmp_path / "r.html")
    assert caught.value.hint == "try: pip install 'sitool[report]'"
    assert not (tmp_path / "r.html").exists()


# In a real browser.


@pytest.mark.slow
def test_a_browser_draws_every_chart_and_asks_for_nothing(judged: Study, tmp_path: Path) -> None:
    pytest.importorskip("vl_convert")
    file = judged.report(tmp_path / "r.html")
    assert file.stat().st_size < 3_000_000
    specs = json.loads(Reader(file.read_text(encoding="utf-8")).scripts[0])
    seen = visit(file, tmp_path / "profile")
    assert seen.requests == []
    assert seen.console == []
    assert f'data-charts="{len(specs)}"' in seen.dom
    assert seen.dom.count('class="drawn"') == len(specs)


def test_the_browser_would_tell_of_requests_and_errors(tmp_path: Path) -> None:
    """Nobody could trust the silence above if these were not heard."""
    file = tmp_path / "page.html"
    file.write_text(
        '<img src="http://example.invalid/x.png"><script>console.error("oh")</script>',
        encoding="utf-8",
    )
    seen = visit(file, tmp_path / "profile")
    assert any("example.invalid" in request for request in seen.requests)
    assert any("oh" in line for line in seen.console)
