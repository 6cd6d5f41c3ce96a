"""The settings of a task and its constructor are two ends of one thing."""

import inspect
from typing import get_args

import pytest

from sitool import registry
from sitool.config import Settings, TaskSettings

GROUPS = get_args(get_args(TaskSettings)[0])


@pytest.mark.parametrize("group", GROUPS, ids=lambda g: g.model_fields["name"].default)
def test_the_settings_of_a_task_are_its_constructors_arguments_with_the_same_defaults(group):
    name = group.model_fields["name"].default
    parameters = inspect.signature(registry.load("task", name)).parameters
    declared = {n: f.default for n, f in group.model_fields.items() if n != "name"}
    defaults = {n: p.default for n, p in parameters.items() if p.default is not p.empty}
    assert set(declared) == set(parameters)
    assert {n: declared[n] for n in defaults} == defaults


def test_every_task_has_settings():
    assert {g.model_fields["name"].default for g in GROUPS} == set(registry.names("task"))
    assert Settings().task.name == "path"
