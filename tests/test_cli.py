"""Every command once, as a person types it; and what must never reach a terminal."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from command_line import Said, command
from studies import PARTS, SMALL, create, first_sample, folder_state
from typer.main import get_command

import sitool
from sitool.cli.app import app
from sitool.client import Study
from sitool.errors import SitoolError
from sitool.planning import trials
from sitool.records import Phase
from sitool.study.round_words import short

SCRIPT = (sys.executable, "-c", "from sitool.__main__ import main; main()")


Cli = Callable[..., Said]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return partial(command, monkeypatch, capsys)


def sets(*assignments: str) -> list[str]:
    return [word for a in (*PARTS, *SMALL, *assignments) for word in ("--set", a)]


# The way through a study.


def test_new_run_and_look(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    made = cli("new", folder, "--seed", 5, *sets())
    assert made.code == 0
    assert "seed 5" in made.flat
    assert f"sitool run {folder}" in made.flat
    assert cli("status", folder).code == 0
    ran = cli("run", folder, "--rounds", 2, "--plain")
    assert ran.code == 0
    assert ran.err == ""
    for number in range(3):
        assert f"r000{number} starts" in ran.out
    assert sitool.open(folder).settings.seed == 5
    assert "accuracy" in cli("rounds", folder).out
    assert "✓" in cli("samples", folder, "--accepted").out


@pytest.mark.parametrize("phase", list(Phase))
def test_step_stops_after_a_phase_and_says_how_to_go_on(
    cli: Cli, study: Study, phase: Phase
) -> None:
    said = cli("step", study.folder, "--to", phase.value, "--plain")
    assert said.code == 0
    if phase is not Phase.EVALUATE:
        assert "r0003 waits before" in said.out
        assert f"sitool step {study.folder}" in said.flat
        assert "stands before" in cli("status", study.folder).out
    assert cli("step", study.folder, "--plain").code == 0
    assert study.round(3).record.finished


def test_status_says_where_it_stands(cli: Cli, study: Study) -> None:
    body = cli("status", study.folder, "--json").json
    assert (body["head"], body["open"], body["rounds"]) == (2, None, 3)
    assert body["settings"] == study.settings.model_dump(mode="json")
    assert body["advice"] in cli("status", study.folder).flat


def test_rounds_as_json_has_the_documented_fields(cli: Cli, study: Study) -> None:
    study.step(to="select")
    listed = cli("rounds", study.folder, "--json").json
    assert [r["round"] for r in listed] == [0, 1, 2, 3]
    assert [r["parent"] for r in listed] == [None, 0, 1, 2]
    assert [r["phase"] for r in listed] == [None, None, None, "train"]
    for r in listed[1:]:
        assert sum(r["levels"].values()) == pytest.approx(1)
        assert r["sampled"] == 96
        assert 0 < r["accepted"] <= 96
        assert r["seconds"] > 0
    for r in listed[:3]:
        assert set(r["accuracy"]) == {str(level) for level in range(1, 9)}
        for figure in r["accuracy"].values():
            assert set(figure) == {"value", "low", "high", "n"}
            assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1
    assert listed[3]["accuracy"] == {}


def test_samples_can_be_filtered_and_limited(cli: Cli, study: Study) -> None:
    def ids(*words: object) -> list[int]:
        return [row["id"] for row in cli("samples", study.folder, "--json", *words).json]

    every = [s.id for s in study.round(2).samples()]
    assert ids("--limit", 1000) == every
    assert ids() == every[:20]
    assert ids("--limit", 3, "--round", 1) == [s.id for s in study.round(1).samples()][:3]
    assert ids("--accepted") == [s.id for s in study.round(2).samples(accepted=True)][:20]
    assert set(ids("--rejected", "--limit", 99)) == {
        s.id for s in study.round(2).samples(accepted=False)
    }
    assert set(ids("--failed", "--limit", 99)) == {
        s.id for s in study.round(2).samples(passed=False)
    }
    level = first_sample(study, 2).problem.level
    assert set(ids("--level", level, "--limit", 99)) == {
        s.id for s in study.round(2).samples(level=level)
    }
    assert ids("--overruled") == []
    assert ids("--role", "greedy", "--limit", 99) == [
        s.id for s in study.round(2).samples(role="greedy")
    ]
    assert all(
        row["scores"]["truth"]["outcome"] == "unparsed"
        for row in cli("samples", study.folder, "--unparsed", "--json").json
    )
    one = cli("samples", study.folder, "--id", every[0], "--json").json
    assert one["id"] == every[0]
    assert one["completion"] == study.sample(every[0]).completion.text


def test_rulings_are_made_and_shown(cli: Cli, study: Study) -> None:
    study.step(to="select")
    one, two = (s.id for s, _ in zip(study.round(3).samples(accepted=True), "ab", strict=False))
    wrong = first_sample(study, 3, accepted=False).id
    for words in (
        ("reject", study.folder, one, two, "--reason", "both copied"),
        ("accept", study.folder, wrong, "-r", "close"),
        ("note", study.folder, one, "look again"),
        ("clear", study.folder, two),
        ("edit", study.folder, two, "a1", "-r", "mine"),
    ):
        said = cli(*words)
        assert (said.code, said.err) == (0, "")
    overruled = {r["id"]: r for r in cli("samples", study.folder, "--overruled", "--json").json}
    assert {i: r["ruling"] for i, r in overruled.items()} == {
        one: "reject", two: "edit", wrong: "accept",
    }  # fmt: skip
    assert overruled[two]["edited"] == "a1"
    shown = cli("samples", study.folder, "--id", one).out
    assert "both copied" in shown
    assert "look again" in shown


def test_a_ruling_says_what_it_will_change(cli: Cli, study: Study) -> None:
    late = cli("accept", study.folder, first_sample(study, 2, accepted=False).id).flat
    assert "r0002 is trained already and stays as it is" in late
    assert f"sitool redo {study.folder} 2" in late
    study.step(to="verify")
    soon = cli("reject", study.folder, first_sample(study, 3).id).flat
    assert f"It holds when r0003 trains: sitool step {study.folder}" in soon


def test_the_curriculum_is_shown_and_moved(cli: Cli, study: Study) -> None:
    cli("fork", study.folder, 0)
    before = cli("curriculum", "show", study.folder, "--json").json
    assert sum(before["weights"].values()) == pytest.approx(1)
    assert cli("curriculum", "harder", study.folder).code == 0
    assert cli("curriculum", "show", study.folder, "--json").json["weights"] != before["weights"]
    assert cli("curriculum", "easier", study.folder).code == 0
    assert cli("curriculum", "show", study.folder, "--json").json["weights"] == before["weights"]
    said = cli("curriculum", "set", study.folder, "rule=manual", "weights={5=1.0, 6=2.0}")
    assert said.code == 0
    after = cli("curriculum", "show", study.folder, "--json").json["weights"]
    assert after["6"] == pytest.approx(2 / 3)


def test_the_curriculum_can_be_set_before_the_base_is_measured(cli: Cli, tmp_path: Path) -> None:
    create(tmp_path / "study").close()
    assert cli("curriculum", "set", tmp_path / "study", "rule=fixed").code == 0
    assert cli("curriculum", "harder", tmp_path / "study").code == 0


def test_set_undo_fork_redo_compare_evaluate(cli: Cli, study: Study) -> None:
    folder = study.folder
    assert (
        "draw.samples: 4 → 2, from the next round on" in cli("set", folder, "draw.samples=2").flat
    )
    assert "Nothing changes" in cli("set", folder, "draw.samples=2").flat
    assert "starts from r0001. Nothing is deleted." in cli("undo", folder).flat
    assert "starts from r0002" in cli("fork", folder, 2, "--set", "draw.samples=3").flat
    assert study.settings.draw.samples == 3
    redone = cli("redo", folder, 1, "--plain")
    assert "r0003 is a twin of r0001" in redone.flat
    assert study.round(3).record.finished
    assert "within noise" in cli("compare", folder, 1, 1).flat
    body = cli("compare", folder, 0, 2, "--json").json
    assert (body["first"], body["second"]) == (0, 2)
    assert set(body["difference_all"]) == {"value", "low", "high", "n"}
    assert all(len(pair) == 2 for pair in body["gained"] + body["lost"])
    assert cli("compare", folder, 0, 2).code == 0
    figures = cli("evaluate", folder, "--round", 1, "--problems", 3, "--samples", 2, "--json").json
    assert {f["name"] for f in figures} >= {"accuracy", "pass@1", "pass@2"}
    assert "accuracy" in cli("evaluate", folder, "--problems", 2).out


def test_things_are_taken_out(cli: Cli, study: Study, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    said = cli("export", "samples", study.folder, "-o", out, "--accepted")
    count = len(out.read_text(encoding="utf-8").splitlines())
    assert f"Wrote {count} samples to {out}." in said.flat
    assert count == sum(len(list(r.samples(accepted=True))) for r in study.rounds())
    assert cli("export", "adapter", study.folder, "-o", tmp_path / "adapter", "-r", 1).code == 0
    assert (tmp_path / "adapter").is_dir()
    refused = cli("export", "model", study.folder, "-o", tmp_path / "model")
    assert refused.code == 2
    assert "has no weights to export" in refused.err


def test_what_there_is_is_listed(cli: Cli) -> None:
    assert "path" in {p["name"] for p in cli("presets", "--json").json}
    tasks = cli("tasks", "--json").json
    assert {t["name"] for t in tasks} == {
        "addition",
        "chain",
        "countdown",
        "jsonl",
        "path",
        "python",
    }
    for task in ("addition", "chain", "countdown", "path"):
        shown = cli("tasks", task, "--json").json
        assert [p["level"] for p in shown] == list(range(1, len(shown) + 1))
        assert cli("tasks", task).code == 0
    settings = cli("settings", "--json").json
    assert {"path", "default", "allowed", "unit", "about"} <= set(settings[0])
    narrowed = cli("settings", "learning_rate", "--json").json
    assert [s["path"] for s in narrowed] == ["trainer.learning_rate"]
    for words in (["presets"], ["tasks"], ["settings"], ["settings", "curriculum"]):
        assert cli(*words).code == 0


def test_the_doctor_says_what_is_here(cli: Cli) -> None:
    facts = cli("doctor", "--json").json
    assert facts["torch"] != "missing"
    assert "scripted" in facts["bases"]


def test_the_demo_runs_and_goes_on_when_asked_again(cli: Cli, tmp_path: Path) -> None:
    create(tmp_path / "demo").close()
    first = cli("demo", tmp_path / "demo", "--rounds", 2, "--plain")
    assert first.code == 0
    assert "Going on with" in first.out
    assert "Three things to try next" in first.out
    again = cli("demo", tmp_path / "demo", "--rounds", 2, "--plain")
    assert again.code == 0
    assert len(sitool.open(tmp_path / "demo").rounds()) == 3


def test_the_live_display_shows_a_round_without_harm(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On something that says it is a terminal, of 80 by 24."""
    import io

    from rich.console import Console

    from sitool.cli import live

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, height=24, highlight=False)
    stopped = live.follow(study, study.stream_rounds(1), console, rich=True)
    assert not stopped
    assert study.round(3).record.finished
    assert "r0003" in screen.getvalue()


# Help and errors.


def every_command() -> list[list[str]]:
    root: Any = get_command(app)
    found = []
    for name in root.list_commands(None):
        command = root.get_command(None, name)
        inner = command.list_commands(None) if hasattr(command, "list_commands") else []
        found += [[name, sub] for sub in inner] or [[name]]
    return found


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_has_a_help_text(cli: Cli, words: list[str]) -> None:
    command: Any = get_command(app)
    for word in words:
        command = command.get_command(None, word)
    assert command.help
    assert command.help.rstrip().endswith(".")
    for parameter in command.params:
        assert parameter.help or parameter.name == "help", parameter.name
    said = cli(*words, "--help")
    assert said.code == 0
    assert "Usage" in said.out


def test_plan_looks_ahead_at_a_study_and_at_a_preset(
    cli: Cli, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert "1 earlier round" not in cli("plan", study.folder).flat
    assert cli("plan", study.folder, "--set", "draw.problems=9", "--json").json["seconds"]
    before = set(tmp_path.iterdir())
    words = ("plan", "--preset", "path", "--no-probe")
    said = cli(*words, "--set", "model.device=cpu")
    assert "free memory" in said.flat
    assert "(assumed, not measured here)" in said.flat
    assert "How long it takes is not known" in said.flat
    small, large = (
        cli(*words, "--json", "--set", f"sampler.chunk_rows={rows}").json["peak_bytes"]
        for rows in (8, 65536)
    )
    assert small < large
    assert set(tmp_path.iterdir()) == before, "nothing is written"


def test_plan_wants_a_study_or_a_preset(cli: Cli, study: Study) -> None:
    for words in ([], [study.folder, "--preset", "path"]):
        said = cli("plan", *words)
        assert said.code == 2
        assert "error: plan needs a study or a preset" in said.err


@pytest.mark.slow  # What it measures by is measured in tests/planning/test_trials.py.
def test_the_doctor_measures_samplers(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        trials, "candidates", lambda: iter(list(trials.CANDIDATES["native"].values())[:1])
    )
    found = cli("doctor", "--bench", "--json").json
    assert found["recommended"] == ["sampler.name=native", "model.dtype=float32"]
    assert found["tried"][0]["tokens_a_second"] > 0


def test_the_doctor_has_nothing_to_measure_where_no_tokens_are_drawn(cli: Cli) -> None:
    said = cli("doctor", "--bench", "--base", "scripted")
    assert said.code == 2
    assert "The scripted base draws no tokens" in said.err


NEED_NO_STUDY = {"new", "demo", "presets", "tasks", "settings", "doctor", "lab", "task"}


@pytest.mark.parametrize(
    "words", [w for w in every_command() if w[0] not in NEED_NO_STUDY], ids=" ".join
)
def test_every_command_on_a_study_refuses_a_folder_without_one(
    cli: Cli, tmp_path: Path, words: list[str]
) -> None:
    more: dict[str, list[object]] = {
        "accept": [1], "reject": [1], "clear": [1], "note": [1, "x"], "edit": [1, "x"],
        "fork": [1], "redo": [1], "compare": [0, 1], "set": ["seed=1"],
        "measure": ["-v", "mc"],
    }  # fmt: skip
    said = cli(*words, tmp_path / "nowhere", *more.get(words[-1], []))
    assert said.code == 2
    assert said.err.startswith("error: There is no study in ")
    assert str(tmp_path / "nowhere") in said.err.replace("\n", "")
    assert "\ntry: sitool new DIR" in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["fork", "{}", "99"], "error: There is no round 99; known: 0 to 2."),
        (["redo", "{}", "0"], "error: r0000 cannot be trained again"),
        (["compare", "{}", "0", "99"], "error: There is no round 99"),
        (["accept", "{}", "987654321"], "error: There is no sample 987654321."),
        (["samples", "{}", "--round", "99"], "error: There is no round 99"),
        (["samples", "{}", "--id", "987654321"], "error: There is no sample 987654321."),
        (["samples", "{}", "--role", "exam"], "error: No role is named 'exam'"),
        (["set", "{}", "draw.problems=none"], "error: draw.problems is 'none'"),
        (["set", "{}", "draw.problem=3"], "Did you mean 'draw.problems'?"),
        (["set", "{}", "seed=3"], "error: seed belongs to the whole study"),
        (["curriculum", "set", "{}", "rule=bold"], "error: curriculum.rule is 'bold'"),
        (["evaluate", "{}", "--round", "99"], "error: There is no round 99"),
        (["stop", "{}"], "error: Nothing is running in this study."),
        (["new", "{}"], "already holds a study"),
        (
            ["new", "{}x", "--preset", "pth"],
            "error: No preset is named 'pth'. Did you mean 'path'?",
        ),
        (["new", "{}x", "--set", "task.name=pth"], "No task is named 'pth'. Did you mean 'path'?"),
        (["tasks", "pth"], "error: No task is named 'pth'. Did you mean 'path'?"),
        (["tasks", "jsonl"], "error: The problems of the task 'jsonl' are in a file of yours."),
        (["settings", "nothing"], "error: No setting's name contains 'nothing'."),
        (["export", "adapter", "{}", "--round", "0"], "error: Round 0 is the base"),
        (["export", "samples", "{}", "-o", "a.xlsx"], "error: 'a.xlsx' does not end in"),
    ],
)
def test_a_mistake_is_one_sentence_on_stderr_and_exit_2(
    cli: Cli, study: Study, words: list[str], sentence: str
) -> None:
    before = folder_state(study.folder)
    said = cli(*(word.format(study.folder) for word in words))
    assert said.code == 2
    assert sentence in said.err
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    assert said.out == ""
    assert folder_state(study.folder) == before
    assert not Path(f"{study.folder}x").exists()


@pytest.mark.parametrize(
    "words",
    [["frobnicate"], ["run"], ["run", "{}", "--rounds", "many"], ["step", "{}", "--to", "trian"]],
)
def test_a_mistyped_command_ends_with_2_too(cli: Cli, study: Study, words: list[str]) -> None:
    said = cli(*(word.format(study.folder) for word in words))
    assert said.code == 2
    assert "Traceback" not in said.err


def test_a_second_engine_is_refused_by_the_command_line(cli: Cli, study: Study) -> None:
    from sitool.engine import Engine

    with Engine(study._store):
        said = cli("run", study.folder, "--plain")
    assert said.code == 2
    assert said.err.startswith(f"error: Process {os.getpid()} is working on this study.")


# How the terminal app is started.


@pytest.fixture
def app_started(monkeypatch: pytest.MonkeyPatch) -> list[Path | None]:
    """A terminal, and an app that only notes what it was asked to open."""
    started: list[Path | None] = []
    monkeypatch.setattr("sitool.cli.screen.in_terminal", lambda: True)
    monkeypatch.setattr("sitool.cli.screen.run_app", started.append)
    return started


def test_without_a_command_the_app_opens_on_the_studies(
    cli: Cli, app_started: list[Path | None]
) -> None:
    assert cli() == Said(0, "", "")
    assert app_started == [None]


def test_open_goes_straight_into_a_study(
    cli: Cli, study: Study, app_started: list[Path | None]
) -> None:
    assert cli("open", study.folder) == Said(0, "", "")
    assert app_started == [study.folder]


def test_what_is_more_than_the_app_goes_through_the_commands(
    cli: Cli, app_started: list[Path | None]
) -> None:
    assert cli("--version").out == f"sitool {sitool.__version__}\n"
    assert "Open a study in the terminal app." in cli("open", "--help").out
    assert cli("open").code == 2
    assert app_started == []


def test_a_command_does_not_start_the_app(cli: Cli, app_started: list[Path | None]) -> None:
    assert cli("presets").code == 0
    assert app_started == []


def test_without_a_terminal_there_is_help_instead_of_the_app(cli: Cli, study: Study) -> None:
    said = cli()
    assert said.code == 0
    assert "Usage: " in said.out
    assert "Commands" in said.out
    opened = cli("open", study.folder)
    assert opened.code == 2
    assert "error: The app needs a terminal" in opened.err
    assert f"try: sitool status {study.folder}" in opened.err


# What must not reach a terminal.


@pytest.fixture
def nasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study whose prompts, answers, rulings and author are full of escape sequences."""
    bad = "\x1b[31m\x1b]0;owned\x07\x9b2J\u202e[bold]\r\n\x7f"
    lines = [json.dumps({"prompt": f"{i}{bad}?", "answer": f"{bad}{i}"}) for i in range(40)]
    (tmp_path / "data.jsonl").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("SITOOL_AUTHOR", f"mallory{bad}")
    study = create(tmp_path / "study", "task.name=jsonl", f"task.path={tmp_path / 'data.jsonl'}")
    study.step(to="select")
    samples = list(study.round(1).samples())
    study.edit(samples[0].id, f"text{bad}", f"reason{bad}")
    study.note(samples[0].id, f"note{bad}")
    study.accept(samples[1].id, f"reason{bad}")
    study.step()
    return study


def test_no_escape_sequence_of_a_text_reaches_the_terminal(cli: Cli, nasty: Study) -> None:
    first = first_sample(nasty, 1).id
    for words in (
        ("samples", nasty.folder),
        ("samples", nasty.folder, "--overruled"),
        ("samples", nasty.folder, "--id", first),
        ("samples", nasty.folder, "--json"),
        ("samples", nasty.folder, "--id", first, "--json"),
        ("rounds", nasty.folder),
        ("status", nasty.folder),
        ("status", nasty.folder, "--json"),
        ("compare", nasty.folder, 0, 1),
        ("step", nasty.folder, "--plain"),
    ):
        said = cli(*words)
        assert said.code == 0, said.err
        found = {c for c in said.out + said.err if c in "\x1b\x07\x9b\u202e\r\x7f"}
        assert not found, (words, found)


def test_markup_in_a_text_is_shown_and_not_obeyed(cli: Cli, nasty: Study) -> None:
    assert "[bold]" in cli("samples", nasty.folder, "--id", first_sample(nasty, 1).id).out


def test_colours_stay_away_when_asked_to(two_rounds: Path) -> None:
    """NO_COLOR on a real terminal: no colour code, but all the words."""
    if shutil.which("script") is None:
        pytest.skip("there is no `script` to make a terminal with")
    command = f"{sys.executable} -c 'from sitool.__main__ import main; main()' status {two_rounds}"
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
        env=os.environ | {"NO_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "80"},
    )  # fmt: skip
    assert "r0002" in done.stdout
    codes = {part.partition("m")[0] for part in done.stdout.split("\x1b[")[1:]}
    colours = {c for code in codes for c in code.split(";") if c.isdigit() and 30 <= int(c) <= 107}
    assert not colours


@pytest.mark.parametrize("words", [("status",), ("rounds",), ("samples",)])
def test_through_a_pipe_there_is_no_escape_code_at_all(
    two_rounds: Path, words: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [*SCRIPT, *words, str(two_rounds)], capture_output=True, text=True, check=True,
        env=os.environ | {"TERM": "xterm-256color"},
    )  # fmt: skip
    assert "\x1b" not in done.stdout


def test_a_reader_that_goes_away_is_no_error(two_rounds: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -c 'from sitool.__main__ import main; main()' samples {two_rounds}"
        " --limit 1000 --json | head -1",
        shell=True, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("width", [40, 80, 200])
def test_tables_keep_to_the_terminals_width(
    cli: Cli, study: Study, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    from sitool.cli.commands import console

    monkeypatch.setattr(console, "_width", width)
    for words in ("status", "samples"):
        said = cli(words, study.folder)
        assert said.code == 0
        table = said.out.splitlines()[1:-1]
        assert max(map(len, table)) <= width


@pytest.mark.parametrize("value", [0.0, 0.004, 0.374, 0.995, 1.0, -0.25, None])
def test_a_share_is_written_in_four_characters(value: float | None) -> None:
    assert len(short(value)) <= 4


def test_the_same_error_is_raised_for_scripts(study: Study) -> None:
    with pytest.raises(SitoolError):
        study.fork(99)


def test_sharpen_tells_a_round_in_tables_and_sentences(cli: Cli, study: Study) -> None:
    said = cli("sharpen", study.folder, "--round", 0)
    assert said.code == 0
    report = study.sharpening(0)
    whole = max((p[-1] for p in report.best_of_n.values()), key=lambda point: point.accuracy.value)
    assert f"r0000: {report.problems} held-out problems, 2 samples each." in said.flat
    assert f"Of {whole.n} samples, the one chosen by" in said.flat
    assert f"{whole.accuracy.value:.0%} of the problems" in said.flat
    assert "Best of N, chosen by likelihood under the base" in said.out
    assert "Adaptive N. Stopping as soon as" in said.flat
    assert "proxies" in said.flat
    assert "the theory would ask for" in said.out
    assert all(len(line.rstrip()) <= 80 for line in said.out.splitlines() if " % (" in line)


def test_sharpen_as_json_is_the_report(cli: Cli, study: Study) -> None:
    said = cli("sharpen", study.folder, "--round", 0, "--level", 2, "--delta", 0.2, "--json")
    assert said.json["level"] == 2
    assert said.json["targets"]["delta"] == 0.2
    from sitool.sharpening.report import Targets

    report = study.sharpening(0, level=2, targets=Targets(delta=0.2))
    assert said.json == json.loads(json.dumps(report.to_json()))
    for name in ("likelihood", "likelihood_per_token", "majority"):
        assert [point["n"] for point in said.json["best_of_n"][name]] == [1, 2]
        assert set(said.json["best_of_n"][name][0]["accuracy"]) == {"value", "low", "high", "n"}


def test_sharpen_says_of_a_later_round_how_to_learn_what_is_missing(cli: Cli, study: Study) -> None:
    said = cli("sharpen", study.folder)
    assert said.code == 0
    assert "not known" in said.flat
    assert f"sitool sharpen {study.folder} --round 0" in said.flat
    refused = cli("sharpen", study.folder, "--delta", 0.7)
    assert refused.code == 2
    assert "delta is 0.7" in refused.err


def test_samples_of_the_base_can_be_listed(cli: Cli, study: Study) -> None:
    assert cli("samples", study.folder, "--role", "base").code == 0
    assert "known: train, base, greedy, sampled" in cli(
        "samples", study.folder, "--role", "bse"
    ).err.replace("\n", " ")
