"""Code that comes with a base runs nowhere before this user has agreed to exactly that code.

The base is a real one that only Python beside its weights can read, and that Python
leaves a mark in a file wherever it runs.
"""

import importlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from coded_bases import AUTO_MAP, change_config, give_code, write_code
from command_line import Said, command
from own_tasks import SUMS

import sitool
from sitool import trust
from sitool.client import Study
from sitool.config import Settings
from sitool.errors import ModelError, SitoolError, TaskError
from sitool.front.desk import Desk, Failed, Looked
from sitool.models.local import LocalModel
from sitool.presets import build_settings
from sitool.study import export
from sitool.validation import Questions

SMALL = (
    "model.device=cpu",
    "draw.problems=4",
    "draw.samples=2",
    "sampler.max_new_tokens=4",
    "trainer.rank=2",
    "evaluation.problems_per_level=2",
    "evaluation.samples=0",
)
ON = "model.trust_remote_code=true"
Make = Callable[..., Study]


@pytest.fixture(scope="module", autouse=True)
def _modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let transformers keep what it imports here, in this process and in engines."""
    place = str(tmp_path_factory.mktemp("modules"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_MODULES_CACHE", place)
        patch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", place)
        patch.setattr(sys, "path", list(sys.path))
        yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "transformers_modules"]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """Return the file that the base's code writes to."""
    return tmp_path / "mark"


@pytest.fixture
def base(make_base: Callable[..., Path], tmp_path: Path, mark: Path) -> Path:
    return give_code(make_base(), tmp_path / "base", mark)


@pytest.fixture
def make(base: Path, tmp_path: Path) -> Iterator[Make]:
    """Return a function that makes a study whose base brings code, as its author does."""
    made: list[Study] = []

    def create(*assignments: str, **given: Any) -> Study:
        words = (f"model.base={base}", ON, *SMALL, *assignments)
        made.append(sitool.create(tmp_path / f"study{len(made)}", assignments=words, **given))
        return made[-1]

    yield create
    for study in made:
        study.end_engine()
        study.close()


@pytest.fixture
def sent(make: Make, state: Path, mark: Path) -> Study:
    """Return a study as somebody sends it: on a machine that knows nothing of its code."""
    study = make()
    shutil.rmtree(state)
    assert not mark.exists()  # To make a study, none of it has to run.
    return study


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run the command line in this process, as the installed script does."""
    return partial(command, monkeypatch, capsys)


def settings_with(base: Path | str) -> Settings:
    return build_settings(assignments=(f"model.base={base}", ON, *SMALL))


# Studies.


def test_the_base_needs_its_code(base: Path) -> None:
    """Else nothing here would prove anything."""
    settings = build_settings(assignments=(f"model.base={base}", *SMALL))
    with pytest.raises(ModelError, match=r"no tokenizer that can be read|cannot be loaded"):
        LocalModel.load(settings.model, settings.trainer)


def test_a_sent_study_does_not_run_its_base_s_code_and_is_left_as_it_was(
    sent: Study, base: Path, mark: Path
) -> None:
    for ask in (sent.step, lambda inline: sent.run(0, inline=inline)):
        with pytest.raises(ModelError, match="would run Python code of its own") as caught:
            ask(inline=True)
        assert f"'configuration_marked.py', 'modeling_marked.py' in '{base}'" in str(caught.value)
        assert caught.value.hint == (
            f"try: look at what sitool trust {sent.folder} --show lists,"
            f" then sitool trust {sent.folder}"
        )
    assert not mark.exists()
    assert sent.rounds() == []
    # It can be looked at.
    assert [code.agreed for code in sent.code] == [False]
    assert sent.summary().head is None
    assert sent.estimate() is not None
    assert not mark.exists()


def test_after_agreeing_it_runs_and_all_that_reads_the_base_may(
    sent: Study, base: Path, mark: Path, tmp_path: Path
) -> None:
    (code,) = sent.trust()
    assert (code.what, code.place, code.agreed) == ("base", str(base), True)
    assert set(code.files) == {base / "configuration_marked.py", base / "modeling_marked.py"}
    assert sent.step(inline=True).number == 1
    assert mark.exists()
    sent.evaluate(1, problems_per_level=2)
    adapter = sent.folder / "adapters" / "r0001"
    export.export_model(sent.settings, adapter, tmp_path / "whole")
    assert (tmp_path / "whole" / "modeling_marked.py").is_file()
    assert {"AutoConfig", "AutoModelForCausalLM"} <= AUTO_MAP.keys()


def test_changed_code_is_refused_again(sent: Study, base: Path, mark: Path, tmp_path: Path) -> None:
    sent.trust()
    sent.step(inline=True)
    write_code(base, tmp_path / "other mark")
    for again in (sent.step, lambda inline: sent.evaluate(1, problems_per_level=2)):
        with pytest.raises(ModelError, match="which was changed since you agreed to it"):
            again(inline=True)
    assert [round_.number for round_ in sent.rounds()] == [0, 1]
    assert not (tmp_path / "other mark").exists()
    sent.trust()
    assert sent.step(inline=True).number == 2
    assert (tmp_path / "other mark").exists()
    write_code(base, mark)  # What was agreed to before may run again.
    assert sent.step(inline=True).number == 3


@pytest.mark.slow
def test_an_engine_refuses_before_and_after_and_takes_up_code_that_is_agreed_to(
    sent: Study, base: Path, mark: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITOOL_ENGINE", "process")
    with pytest.raises(ModelError, match="you have not agreed to on this machine"):
        sent.step()
    assert (sent.rounds(), mark.exists()) == ([], False)
    pid = sent.engine_pid
    sent.trust()
    assert sent.step().number == 1
    assert mark.exists()
    write_code(base, tmp_path / "other mark")
    with pytest.raises(ModelError, match="was changed since you agreed to it"):
        sent.step()
    assert not (tmp_path / "other mark").exists()
    sent.trust()
    assert sent.step().number == 2
    assert (tmp_path / "other mark").exists()
    assert sent.engine_pid == pid


def test_a_task_s_code_and_a_base_s_are_shown_and_agreed_to_together(
    make: Make, state: Path, tmp_path: Path, mark: Path
) -> None:
    (tmp_path / "sums.py").write_text(SUMS)
    sent = make(task=tmp_path / "sums.py")
    shutil.rmtree(state)
    with pytest.raises(ModelError, match="--show lists"):
        sent.step(inline=True)
    assert [(code.what, code.agreed) for code in sent.code] == [("task", False), ("base", False)]
    assert [(code.what, code.agreed) for code in sent.trust()] == [("task", True), ("base", True)]
    assert sent.step(inline=True).number == 1
    (sent.folder / "task.py").write_text(SUMS + "# changed\n")
    write_code(Path(sent.settings.model.base), mark.with_name("other mark"))
    with pytest.raises(TaskError, match="one study has one task"):
        sent.trust()
    assert [code.agreed for code in sent.code] == [False, False]  # All of it or nothing.


def test_the_thread_of_a_front_end_shows_the_study_and_says_why_it_does_not_step(
    sent: Study, mark: Path
) -> None:
    told: list[Any] = []
    desk = Desk(sent.folder, told.append)
    desk.start()
    desk.ask(lambda study: study.step(inline=True))
    while not any(isinstance(one, Failed) for one in told):
        time.sleep(0.01)
    desk.close()
    assert any(isinstance(one, Looked) for one in told)
    (refused,) = [one.error for one in told if isinstance(one, Failed)]
    assert "would run Python code of its own" in refused.message
    assert refused.hint.endswith(f"then sitool trust {sent.folder}")
    assert not mark.exists()


# Making a study.


def test_whoever_turns_it_on_is_not_asked(make: Make, mark: Path) -> None:
    assert [code.agreed for code in make().code] == [True]
    assert not mark.exists()


def test_settings_from_elsewhere_agree_to_nothing(
    sent: Study, base: Path, mark: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sent.toml"
    file.write_text(f'[model]\nbase = "{base}"\ntrust_remote_code = true\n')
    ways: list[dict[str, Any]] = [{"file": file}, {"settings": sent.settings}]
    for given in ways:
        with pytest.raises(ModelError, match="have not agreed") as caught:
            sitool.create(tmp_path / "new", **given, assignments=SMALL)
        assert caught.value.hint.endswith(f"then sitool trust {base}")
    assert not (tmp_path / "new").exists()
    sent.trust()
    for number, given in enumerate(ways):
        sitool.create(tmp_path / f"new{number}", **given, assignments=SMALL).close()
    assert not mark.exists()


# Whatever else reads a base.


def test_nothing_reads_a_base_without_asking(base: Path, mark: Path, tmp_path: Path) -> None:
    settings = settings_with(base)
    questions = Questions(settings, "", 1, 1, (1,))
    entrances: list[Callable[[], Any]] = [
        lambda: LocalModel.load(settings.model, settings.trainer),
        lambda: export.export_model(settings, None, tmp_path / "out"),
        lambda: list(questions.answers(inline=True)),
    ]
    for enter in entrances:
        with pytest.raises(ModelError, match="would run Python code of its own") as caught:
            enter()
        assert caught.value.hint.endswith(f"then sitool trust {base}")
    assert not mark.exists()


def test_a_base_changed_under_a_loaded_model_is_not_read_again(
    base: Path, mark: Path, tmp_path: Path
) -> None:
    settings = settings_with(base)
    sitool.create(tmp_path / "study", assignments=(f"model.base={base}", ON)).close()
    model = LocalModel.load(settings.model, settings.trainer)
    write_code(base, tmp_path / "other mark")
    with pytest.raises(ModelError, match="was changed"):
        model.save_merged(None, tmp_path / "out")
    assert not (tmp_path / "other mark").exists()


def test_a_judge_s_base_is_asked_about_too(
    make: Make, make_base: Callable[..., Path], base: Path, mark: Path
) -> None:
    study = make(f"model.base={make_base()}")
    assert study.code == []
    study.run(1, inline=True)
    study.configure(f"cross.base={base}", "cross.verifier=likelihood")
    with pytest.raises(ModelError, match="would run Python code"):
        study.measure(1, ["cross"], inline=True)
    with pytest.raises(ModelError, match="would run Python code"):
        study.step(inline=True)
    assert [round_.number for round_ in study.rounds()] == [0, 1]
    assert not mark.exists()
    study.trust()
    study.measure(1, ["cross"], inline=True)
    assert mark.exists()


def test_a_check_of_a_task_runs_what_its_caller_turns_on(
    base: Path, mark: Path, tmp_path: Path
) -> None:
    (tmp_path / "sums.py").write_text(SUMS)
    task = sitool.task(tmp_path / "sums.py")
    words = (*(word for word in SMALL if "model" in word or "sampler" in word), ON)
    report = task.check(str(base), 1, 1, levels=[1], assignments=words, inline=True, show=False)
    assert len(report.levels) == 1
    assert mark.exists()


# Hub models.


def test_of_a_hub_model_one_revision_is_agreed_to(
    base: Path, mark: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    place = cache / "models--org--marked"
    revisions = ["1" * 40, "2" * 40]
    for revision in revisions:
        shutil.copytree(base, place / "snapshots" / revision)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(revisions[0])
    words = ("model.base=org/marked", ON, *SMALL)
    study = sitool.create(tmp_path / "study", assignments=words)
    assert [code.place for code in study.code] == [f"org/marked (revision {revisions[0]})"]
    study.run(0, inline=True)
    assert mark.exists()
    (place / "refs" / "main").write_text(revisions[1])
    with pytest.raises(ModelError, match=r"The base 'org/marked' .* was changed since you agreed"):
        study.step(inline=True)
    study.trust()
    assert study.step(inline=True).number == 1
    study.close()


def test_a_hub_model_that_is_not_here_yet_has_no_code_to_agree_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    words = ("model.base=org/marked", ON, "model.allow_download=true", *SMALL)
    study = sitool.create(tmp_path / "study", assignments=words)
    assert not trust.bases_folder().exists()
    with pytest.raises(ModelError, match="not on this machine yet") as caught:
        study.trust()
    assert caught.value.hint.startswith("try: sitool step DIR, which fetches it")
    with pytest.raises(ModelError, match="No base is named 'org/marked'"):
        study.step(inline=True)
    assert study.rounds() == []
    study.close()


# The command line.


def test_the_command_line_shows_and_agrees(
    run: Callable[..., Said], sent: Study, base: Path, mark: Path
) -> None:
    code, _, err = run("step", sent.folder, "--plain")
    assert code == 2
    first, second = err.splitlines()[-2:]
    assert first.startswith(f"error: The base '{base}' would run Python code of its own")
    assert second.endswith(f"then sitool trust {sent.folder}")
    code, out, _ = run("trust", sent.folder, "--show")
    assert code == 0
    assert f"The base's code in {base} does not run, unless you agree," in out
    assert f"  {base / 'modeling_marked.py'}" in out.splitlines()
    assert sent.code[0].sha256 in out
    assert not sent.code[0].agreed
    code, out, _ = run("trust", sent.folder)
    assert code == 0
    assert f"The base's code in {base} may run" in out
    assert not mark.exists()
    assert run("step", sent.folder, "--plain")[0] == 0
    assert mark.exists()


def test_a_base_can_be_agreed_to_before_there_is_a_study(
    run: Callable[..., Said], sent: Study, base: Path
) -> None:
    assert run("trust", base, "--show")[0] == 0
    assert not sent.code[0].agreed
    assert run("trust", base)[0] == 0
    assert sent.code[0].agreed
    change_config(base, auto_map={})
    for file in base.glob("*.py"):
        file.unlink()
    code, _, err = run("trust", base)
    assert code == 2
    assert "has no Python code, so there is nothing to agree to" in err


def test_a_study_without_code_is_said_to_bring_none(
    run: Callable[..., Said], tmp_path: Path
) -> None:
    sitool.create(tmp_path / "plain").close()
    assert (
        run("trust", tmp_path / "plain", "--show")[1].strip().endswith("brings no code of its own.")
    )
    with pytest.raises(SitoolError, match="no code of its own"):
        sitool.open(tmp_path / "plain").trust()
