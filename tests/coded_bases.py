"""Bases that bring Python of their own, which leaves a mark wherever it runs."""

import json
import shutil
from pathlib import Path

CONFIGURATION = """\
from transformers import LlamaConfig


class MarkedConfig(LlamaConfig):
    model_type = "marked"
"""

MODELING = """\
from transformers import LlamaForCausalLM

from .configuration_marked import MarkedConfig

with open({mark!r}, "a") as file:
    file.write("the base's code has run\\n")


class MarkedForCausalLM(LlamaForCausalLM):
    config_class = MarkedConfig
"""

AUTO_MAP = {
    "AutoConfig": "configuration_marked.MarkedConfig",
    "AutoModelForCausalLM": "modeling_marked.MarkedForCausalLM",
}


def write_code(folder: Path, mark: Path) -> None:
    """Write the two Python files; importing one appends a line to `mark`."""
    (folder / "configuration_marked.py").write_text(CONFIGURATION)
    (folder / "modeling_marked.py").write_text(MODELING.format(mark=str(mark)))


def give_code(plain: Path, folder: Path, mark: Path) -> Path:
    """Copy a Llama base so that only Python beside its weights can read it."""
    shutil.copytree(plain, folder)
    write_code(folder, mark)
    change_config(folder, model_type="marked", auto_map=AUTO_MAP)
    return folder


def change_config(folder: Path, **changes: object) -> None:
    """Change keys of a base's config.json."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
