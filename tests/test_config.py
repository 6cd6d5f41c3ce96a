"""The declarations of the settings; how they are read and worded is in test_presets.py."""

import pytest
from pydantic import BaseModel, ValidationError

from sitool.config import Settings


def groups() -> list[type[BaseModel]]:
    kinds = [field.annotation for field in Settings.model_fields.values()]
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def test_settings_never_change_in_place() -> None:
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.seed = 1
    with pytest.raises(ValidationError, match="frozen"):
        settings.draw.problems = 1


def test_two_settings_share_no_default_that_can_change() -> None:
    one, other = Settings(), Settings()
    assert one == other
    assert one.curriculum.weights is not other.curriculum.weights


@pytest.mark.parametrize("group", groups())
def test_every_setting_has_a_default_and_a_help_text(group: type[BaseModel]) -> None:
    assert group.__doc__
    for name, field in group.model_fields.items():
        assert not field.is_required(), name
        assert field.description, name
        assert field.description[0].isupper() or ":" in field.description, name


@pytest.mark.parametrize("group", groups())
def test_no_group_takes_a_name_that_it_does_not_know(group: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        group.model_validate({"no_such_setting": 1})


def test_a_round_may_run_the_largest_seed() -> None:
    assert Settings(seed=2**63 - 1).seed == 2**63 - 1
    with pytest.raises(ValidationError):
        Settings(seed=2**63)
