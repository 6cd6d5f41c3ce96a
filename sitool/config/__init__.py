"""Every setting of a study, declared once: its help, its bounds and its unit.

The same declaration checks TOML files and `--set a.b=value`, is printed by
`sitool settings`, and is what a form is drawn from. How files are found and
mistakes are worded is in `presets.py`.
"""

from pydantic import Field, model_validator

from sitool.config.declaring import Group, setting
from sitool.config.judging import CrossSettings, JudgeSettings, SelectionSettings, VerifierSettings
from sitool.config.sampling import LlamacppSettings, ModelSettings, SamplerSettings, ServerSettings
from sitool.config.tasks import CurriculumSettings, DrawSettings, PathTaskSettings, TaskSettings
from sitool.config.training import (
    PAIR_OBJECTIVES,
    EngineSettings,
    EvaluationSettings,
    TrainerSettings,
)

__all__ = [
    "PAIR_OBJECTIVES", "CrossSettings", "CurriculumSettings", "DrawSettings", "EngineSettings",
    "EvaluationSettings", "Group", "JudgeSettings", "LlamacppSettings", "ModelSettings",
    "SamplerSettings", "SelectionSettings", "ServerSettings", "Settings", "TaskSettings",
    "TrainerSettings", "VerifierSettings",
]  # fmt: skip

ADAPTERS_ONLY = ("llamacpp", "server")
"""Samplers that cannot be given a round's whole weights."""


class Settings(Group):
    """Everything that a round runs with."""

    seed: int = setting(0, "Seed of the whole study.", ge=0, lt=2**63)
    model: ModelSettings = Field(default_factory=ModelSettings)
    task: TaskSettings = Field(default_factory=PathTaskSettings)
    draw: DrawSettings = Field(default_factory=DrawSettings)
    curriculum: CurriculumSettings = Field(default_factory=CurriculumSettings)
    sampler: SamplerSettings = Field(default_factory=SamplerSettings)
    server: ServerSettings = Field(default_factory=ServerSettings)
    llamacpp: LlamacppSettings = Field(default_factory=LlamacppSettings)
    verifier: VerifierSettings = Field(default_factory=VerifierSettings)
    judge: JudgeSettings = Field(default_factory=JudgeSettings)
    cross: CrossSettings = Field(default_factory=CrossSettings)
    selection: SelectionSettings = Field(default_factory=SelectionSettings)
    trainer: TrainerSettings = Field(default_factory=TrainerSettings)
    evaluation: EvaluationSettings = Field(default_factory=EvaluationSettings)
    engine: EngineSettings = Field(default_factory=EngineSettings)

    @model_validator(mode="after")
    def _check_parts_fit(self) -> "Settings":
        if self.trainer.method == "full" and self.sampler.name in ADAPTERS_ONLY:
            raise ValueError(
                f"trainer.method is 'full', and the sampler {self.sampler.name!r} takes over"
                " adapters only; set trainer.method=lora or sampler.name=native"
            )
        return self
