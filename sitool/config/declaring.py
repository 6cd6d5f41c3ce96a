"""How a setting is declared: with its help, its unit and its bounds."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def setting(default: Any, help_text: str, *, unit: str = "", **bounds: Any) -> Any:
    """Declare one setting with its help, its unit and its bounds."""
    if isinstance(default, (dict, list)):
        factory = default.copy
        return Field(
            default_factory=factory,
            description=help_text,
            json_schema_extra={"unit": unit},
            **bounds,
        )
    return Field(default, description=help_text, json_schema_extra={"unit": unit}, **bounds)


class Group(BaseModel):
    """A table of settings; unknown names are mistakes, and values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
