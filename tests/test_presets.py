"""Settings from presets, files and words; and every mistake in words of ours."""

import json
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel

from sitool import registry
from sitool.config import Settings
from sitool.errors import ConfigError, SitoolError, UnknownNameError
from sitool.presets import (
    assign,
    build_settings,
    changed_settings,
    describe_settings,
    load_preset,
    merge,
    parse_assignment,
    parse_settings,
    preset_names,
    read_settings_file,
)
from sitool.questions import NEEDED

GROUPS = [name for name, field in Settings.model_fields.items() if name not in ("seed", "task")]
TASKS = [
    group.model_fields["name"].default
    for group in get_args(get_args(Settings.model_fields["task"].annotation)[0] or ())
] or list(registry.names("task"))
NAMED_PARTS = {"sampler.name": "sampler", "trainer.name": "trainer"}


def leaves() -> dict[str, Any]:
    """Return every setting by path, the tasks' own left out."""
    found = {"seed": Settings.model_fields["seed"]}
    for group in GROUPS:
        kind = Settings.model_fields[group].annotation
        assert isinstance(kind, type)
        assert issubclass(kind, BaseModel)
        found |= {f"{group}.{name}": field for name, field in kind.model_fields.items()}
    return found


LEAVES = leaves()


def bounds_of(field: Any) -> tuple[float, float, bool, bool]:
    """Return low, high, and whether each itself is excluded."""
    rules = {
        name: getattr(rule, name)
        for rule in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if getattr(rule, name, None) is not None
    }
    low = rules.get("ge", rules.get("gt", -1e9))
    high = rules.get("le", rules.get("lt", 1e9))
    return low, high, "gt" in rules, "lt" in rules


def valid_values(path: str) -> Any:
    """Return a strategy of what a setting may be."""
    field = LEAVES[path]
    kind = field.annotation
    if path in NAMED_PARTS:
        return st.sampled_from(registry.names(NAMED_PARTS[path]))
    if path == "verifier.names":
        return st.lists(
            st.sampled_from(registry.names("verifier")), min_size=1, max_size=2, unique=True
        )
    if path in ("verifier.measure", "evaluation.verifiers"):
        names = [*registry.names("verifier"), "mc@base", "likelihood@3"]
        return st.lists(st.sampled_from(names), max_size=3, unique=True)
    if path == "selection.verifiers":
        return st.just([])
    if path == "selection.thresholds":
        return st.lists(st.floats(0, 1), max_size=1)
    if path.endswith("_prompt"):
        kind = path.removeprefix("judge.").removesuffix("_prompt")
        holes = st.permutations([f"{{{name}}}" for name in NEEDED[kind]])
        own = st.text(st.characters(codec="utf-8"), max_size=6).map(
            lambda text: text.replace("{", "{{").replace("}", "}}")
        )
        return st.just("") | st.tuples(own, holes).map(
            lambda both: both[0].join(["", *both[1], ""])
        )
    if path == "sampler.stop":
        return st.lists(st.text(st.characters(codec="utf-8"), min_size=1), max_size=3)
    if path == "curriculum.weights":
        return st.dictionaries(st.integers(1, 9), st.floats(0.125, 4), max_size=4)
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    low, high, no_low, no_high = bounds_of(field)
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(int(low) + no_low, int(high) - no_high)
    if kind is float:
        return st.floats(low, high, exclude_min=no_low, exclude_max=no_high)
    assert kind is str, path
    patterns = [p for rule in field.metadata if (p := getattr(rule, "pattern", None))]
    if patterns:
        return st.from_regex(patterns[0], fullmatch=True)
    return st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


def toml_of(value: Any) -> str:
    """Write a value as TOML: JSON but for tables and the characters that JSON leaves alone."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {toml_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_of, value)) + "]"
    if isinstance(value, float):
        return repr(value) if "e" in repr(value) or "." in repr(value) else f"{value!r}.0"
    if isinstance(value, str):
        return (
            json.dumps(value).replace("\\/", "/")
            if value.isascii() and "\x7f" not in value
            else ('"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"')
        )
    return json.dumps(value)


settings_by_path = st.lists(st.sampled_from(sorted(LEAVES)), max_size=8, unique=True).flatmap(
    lambda paths: st.fixed_dictionaries({path: valid_values(path) for path in paths})
)


def nested(by_path: dict[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for path, value in by_path.items():
        *groups, name = path.split(".")
        place = table
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = value
    return table


TOGETHER = ("curriculum: ", "judge: ", "cross: ", "trainer.method is 'full', and the sampler")
"""How complaints begin about settings that are each valid alone."""


def parsed_or_skip(table: dict[str, Any]) -> Settings:
    """Parse what is valid setting by setting; a few do not go together, and say so."""
    try:
        return parse_settings(table)
    except ConfigError as error:
        complaints = [line.removeprefix("  - ") for line in error.message.splitlines()]
        if complaints[0].endswith("settings are wrong:"):
            complaints = complaints[1:]
        assume(not all(complaint.startswith(TOGETHER) for complaint in complaints))
        raise


@given(settings_by_path)
def test_every_valid_table_round_trips_through_json(by_path: dict[str, Any]) -> None:
    settings = parsed_or_skip(nested(by_path))
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert parse_settings(json.loads(json.dumps(settings.model_dump(mode="json")))) == settings


@given(settings_by_path)
def test_every_valid_table_can_be_written_as_assignments(by_path: dict[str, Any]) -> None:
    settings = parsed_or_skip(nested(by_path))
    words = [f"{path}={toml_of(value)}" for path, value in by_path.items()]
    assert build_settings(assignments=words) == settings
    assert parse_settings(assign({}, words)) == settings


@given(settings_by_path)
def test_what_changed_is_what_was_set(by_path: dict[str, Any]) -> None:
    before, after = Settings(), parsed_or_skip(nested(by_path))
    changes = changed_settings(before, after)
    assert set(changes) <= set(by_path)
    assert (changes == {}) == (before == after)
    assert changed_settings(after, before) == {p: (b, a) for p, (a, b) in changes.items()}


@pytest.mark.parametrize("path", [p for p, f in LEAVES.items() if f.annotation in (int, float)])
def test_a_number_outside_its_bounds_is_refused_with_its_name_and_value(path: str) -> None:
    low, high, no_low, no_high = bounds_of(LEAVES[path])
    whole = LEAVES[path].annotation is int
    step = 1 if whole else 1e-6
    outside = [low if no_low else low - step] if low > -1e9 else []
    outside += [high if no_high else high + step] if high < 1e9 else []
    assert outside
    for value in map(int, outside) if whole else outside:
        with pytest.raises(ConfigError) as caught:
            parse_settings(nested({path: value}))
        assert caught.value.message.startswith(path)
        assert repr(value) in caught.value.message


@pytest.mark.parametrize("path", [p for p, f in LEAVES.items() if f.annotation is float])
@pytest.mark.parametrize("word", ["nan", "inf", "-inf"])
def test_no_number_is_infinite_or_none(path: str, word: str) -> None:
    """JSON could not carry it into the study and back."""
    with pytest.raises(ConfigError, match=path):
        build_settings(assignments=[f"{path}={word}"])


@pytest.mark.parametrize("path", [p for p in LEAVES if p not in NAMED_PARTS and "names" not in p])
def test_a_default_is_a_value_that_it_allows(path: str) -> None:
    default = LEAVES[path].get_default(call_default_factory=True)
    assert parse_settings(nested({path: default})) == Settings()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["path", "jsonl", "fixed", "native", "nan", "truth"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*GROUPS, "task", "name", "names", "nodes", "path", "weights", "seed", "rule"]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
tables = st.dictionaries(
    st.sampled_from([*Settings.model_fields, "x", ""]), json_values, max_size=4
)


@given(tables)
def test_junk_is_either_settings_or_a_config_error(table: dict[str, Any]) -> None:
    try:
        assert isinstance(parse_settings(table), Settings)
    except ConfigError as error:
        assert error.message
        assert error.hint == "try: sitool settings"


@given(tables, tables)
def test_junk_laid_over_junk_is_a_table(base: dict[str, Any], change: dict[str, Any]) -> None:
    merged = merge(base, change)
    assert set(merged) == set(base) | set(change)
    assert merge(base, {}) == base


words = st.text(max_size=20) | st.tuples(
    st.sampled_from([*LEAVES, "task", "task.name", "task.nodes", "x.y.z", "seed.x", ""]),
    st.text("0123456789.-[]{}\"'=, abcnitruefals\n#", max_size=10),
).map("=".join)


@given(st.lists(words, max_size=3))
def test_junk_assignments_are_either_settings_or_a_config_error(assignments: list[str]) -> None:
    try:
        settings = build_settings(assignments=assignments)
    except ConfigError as error:
        assert error.message
    else:
        assert Settings.model_validate_json(settings.model_dump_json()) == settings


@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_junk_in_a_file_is_either_a_table_or_a_config_error(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "settings.toml"
        file.write_bytes(content)
        try:
            assert isinstance(read_settings_file(file), dict)
        except ConfigError as error:
            assert str(file) in error.message


@given(st.text(max_size=20), st.text(max_size=20))
def test_an_assignment_keeps_its_name_and_never_raises_anything_else(name: str, value: str) -> None:
    assume("=" not in name and name.strip())
    path, _ = parse_assignment(f"{name}={value}")
    assert ".".join(path) == name.strip()


def test_a_bare_word_is_text_and_the_rest_is_toml() -> None:
    assert parse_assignment("a.b=word")[1] == "word"
    assert parse_assignment('a.b="two words"')[1] == "two words"
    assert parse_assignment("a.b=[1, 2]")[1] == [1, 2]
    assert parse_assignment("a.b={5=1.0}")[1] == {"5": 1.0}
    assert parse_assignment("a.b=/some/path.jsonl")[1] == "/some/path.jsonl"
    assert parse_assignment("a.b=")[1] == ""
    assert parse_assignment("a.b=x=y")[1] == "x=y"


def test_a_value_cannot_smuggle_in_another_setting() -> None:
    with pytest.raises(ConfigError, match=r"draw\.problems is '64\\ny = 3'"):
        build_settings(assignments=["draw.problems=64\ny = 3"])


@pytest.mark.parametrize("text", ["", "draw.problems", "=3", "  =3"])
def test_an_assignment_needs_a_name_and_an_equals_sign(text: str) -> None:
    with pytest.raises(ConfigError, match="is not of the form name=value") as caught:
        parse_assignment(text)
    assert repr(text) in caught.value.message


def test_every_mistake_is_told_at_once_with_what_was_given() -> None:
    with pytest.raises(ConfigError) as caught:
        build_settings(
            assignments=[
                "draw.problems=0",
                "trainer.learnig_rate=1",
                "curriculum.rule=adaptve",
                "sampler.temperature=hot",
                "seed=-1",
                "evaluation.samples=1.5",
            ]
        )
    said = caught.value.message
    assert said.startswith("6 settings are wrong:\n")
    assert said.count("\n  - ") == 6
    assert "draw.problems is 0: " in said
    assert (
        "There is no setting 'trainer.learnig_rate'. Did you mean 'trainer.learning_rate'?" in said
    )
    assert "curriculum.rule is 'adaptve': " in said
    assert "'adaptive'" in said
    assert "sampler.temperature is 'hot': " in said
    assert "seed is -1: " in said
    assert "evaluation.samples is 1.5: " in said


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("sampler.name=natve", "No sampler is named 'natve'. Did you mean 'native'?"),
        ("trainer.name=mel", "No trainer is named 'mel'."),
        ('verifier.names=["thruth"]', "No verifier is named 'thruth'. Did you mean 'truth'?"),
        ("task.name=pth", "No task is named 'pth'. Did you mean 'path'?"),
        ("tsak.name=path", "There is no setting 'tsak'. Did you mean 'task'?"),
        ("task.nods=5", "Did you mean 'nodes'?"),
        ("seeed=5", "There is no setting 'seeed'. Did you mean 'seed'?"),
        ('selection.verifiers=["judge"]', "selection.verifiers has 'judge'"),
        (
            'evaluation.verifiers=["mcc"]',
            "evaluation.verifiers: No verifier is named 'mcc'. Did you mean 'mc'?",
        ),
        (
            'verifier.measure=["mc@two"]',
            "verifier.measure: 'mc@two' names no round: after the '@' stands 'base'",
        ),
        ('verifier.names=["truth@base"]', "the verifier 'truth' asks no round's model"),
        ('selection.verifiers=["human"]', "'human' cannot be named as a verifier: what people"),
        (
            'judge.mc_prompt="{prompt} {completions}"',
            "judge.mc_prompt: it has the placeholder {completions}, and may have {prompt},"
            " {completion}, {correct}, {incorrect}.",
        ),
        ('judge.cot_score_prompt="{prompt}"', "it must have the placeholder {completion}."),
        ('judge.tournament_prompt="{prompt}{first}"', "must have the placeholder {second}."),
        (
            'judge.mc_prompt="{prompt!r}{completion}"',
            "it must have the placeholder {prompt} as it is",
        ),
        ('judge.mc_prompt="{prompt}{completion}{"', "it is no template, since"),
        (
            "judge.correct=incorrect",
            "judge: correct ('incorrect') and incorrect ('Incorrect') must be two words.",
        ),
        ("curriculum.low=0.9", "curriculum: low (0.9) must be below high (0.6)."),
        ("curriculum.lowest=5", ""),
    ],
)
def test_a_mistyped_name_shows_the_nearest_known_one(assignment: str, sentence: str) -> None:
    if not sentence:
        assert build_settings(assignments=[assignment]).curriculum.lowest == 5
        return
    with pytest.raises(ConfigError) as caught:
        build_settings(assignments=[assignment])
    assert sentence in caught.value.message


def test_settings_that_contradict_each_other_are_refused() -> None:
    for assignments, words_ in (
        (["curriculum.ahead=0.7", "curriculum.review=0.6"], "ahead"),
        (["curriculum.highest=2", "curriculum.lowest=3"], "highest (2) is below lowest (3)"),
        (["curriculum.weights={1=0.0}"], "weights must not all be 0"),
    ):
        with pytest.raises(ConfigError) as caught:
            build_settings(assignments=assignments)
        assert words_ in caught.value.message


def test_another_task_brings_its_own_settings_and_drops_the_old_ones() -> None:
    base = build_settings(assignments=["task.nodes=20", "task.shortest=true"])
    switched = build_settings(assignments=["task.name=addition"], base=base)
    assert switched.task == parse_settings({"task": {"name": "addition"}}).task
    assert not {"nodes", "shortest"} & set(switched.task.model_dump())
    same = build_settings(assignments=["task.name=path", "task.shortest=false"], base=base)
    kept = same.task.model_dump()
    assert (kept["name"], kept["nodes"], kept["shortest"]) == ("path", 20, False)


def test_weights_are_replaced_as_a_whole() -> None:
    base = build_settings(
        assignments=["curriculum.rule=fixed", "curriculum.weights={1=1.0, 2=1.0}"]
    )
    after = build_settings(assignments=["curriculum.weights={5=2.0}"], base=base)
    assert after.curriculum.weights == {5: 2.0}


def test_later_ones_win_preset_then_file_then_assignments(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("seed = 1\n[draw]\nproblems = 10\nsamples = 2\n")
    built = build_settings("path", file, ["draw.samples=3", "draw.samples=4"], Settings(seed=9))
    assert (built.seed, built.draw.problems, built.draw.samples) == (1, 10, 4)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid_and_says_what_it_shows(name: str) -> None:
    preset = load_preset(name)
    assert preset.about.endswith(".")
    assert "about" not in preset.table
    settings = build_settings(name)
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_there_is_the_preset_that_is_used_by_default() -> None:
    assert "path" in preset_names()


def test_an_unknown_preset_shows_the_nearest_known_one() -> None:
    with pytest.raises(UnknownNameError, match=r"No preset is named 'pth'\. Did you mean 'path'\?"):
        load_preset("pth")
    for evil in ("../presets/path", "/etc/passwd", "", "path.toml"):
        with pytest.raises(UnknownNameError, match="No preset is named"):
            load_preset(evil)


@pytest.mark.parametrize(
    ("content", "words_"),
    [
        (b"[draw\nproblems = 3", "is not TOML"),
        (b"draw.problems = ", "is not TOML"),
        (b"\xff\xfe\x00", "is not TOML"),
        (b"a = 1\na = 2", "is not TOML"),
    ],
)
def test_a_broken_file_says_where(tmp_path: Path, content: bytes, words_: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=words_) as caught:
        build_settings(file=file)
    assert str(file) in caught.value.message


def test_a_missing_file_or_a_folder_says_so(tmp_path: Path) -> None:
    for file in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            build_settings(file=file)


def test_every_setting_is_described_with_help_and_what_is_allowed() -> None:
    described = {info.path: info for info in describe_settings()}
    flat = set(_flat_paths(Settings().model_dump(mode="json"), ""))
    for name in TASKS:
        task = {"name": name} | ({"path": "x"} if name in ("jsonl", "python") else {})
        flat |= set(_flat_paths(parse_settings({"task": task}).model_dump(mode="json"), ""))
    assert flat == set(described)
    for info in described.values():
        assert info.about.rstrip().endswith((".", "?")), info.path
        assert len(info.about) > 10 or info.path == "task.name", info.path
        assert info.allowed, info.path


def test_a_unit_or_a_name_says_what_a_number_counts() -> None:
    units = {info.path: info.unit for info in describe_settings()}
    assert units["verifier.time_limit_seconds"] == "s"
    assert units["draw.problems"] == "problems"


def test_a_described_path_can_be_set_to_its_default() -> None:
    for info in describe_settings():
        if info.path.startswith("task.") or info.default is None:
            continue
        value = list(info.default) if isinstance(info.default, tuple) else info.default
        assert build_settings(assignments=[f"{info.path}={toml_of(value)}"]) == Settings(), (
            info.path
        )


def _flat_paths(table: dict[str, Any], prefix: str) -> list[str]:
    found = []
    for name, value in table.items():
        if isinstance(value, dict) and name != "weights":
            found += _flat_paths(value, f"{prefix}{name}.")
        else:
            found.append(prefix + name)
    return found


def test_a_config_error_is_a_sitool_error_with_a_hint() -> None:
    with pytest.raises(SitoolError) as caught:
        build_settings(assignments=["draw.problems=0"])
    assert str(caught.value) == f"{caught.value.message}\n{caught.value.hint}"


def test_no_annotation_escapes_the_strategies_above() -> None:
    """A setting of a new kind has to be taught to these tests."""
    for path, field in LEAVES.items():
        kind = field.annotation
        known = kind in (int, float, bool, str) or get_origin(kind) in (Literal, tuple, dict)
        assert known or get_origin(kind) in (Union, UnionType, Annotated), path


@pytest.mark.parametrize("sampler", ["llamacpp", "server"])
def test_a_sampler_that_takes_adapters_only_is_not_given_whole_weights(sampler: str) -> None:
    wrong = [f"sampler.name={sampler}", "trainer.method=full"]
    with pytest.raises(ConfigError, match=r"trainer\.method is 'full', and the sampler"):
        build_settings(assignments=wrong)
    assert build_settings(assignments=[wrong[0]]).trainer.method == "lora"
