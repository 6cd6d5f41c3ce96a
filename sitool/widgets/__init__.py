"""The parts of a panel in a notebook; `study.panel()` shows them together.

    sitool.widgets.Curriculum(study)

What this leaves out: numbers of their own. They draw a `Look` and send commands, as
the terminal app does.

Raises:
    MissingDependencyError: The packages of the extra `notebook` are not installed.
"""

from sitool.errors import MissingDependencyError

try:
    import anywidget  # noqa: F401 - asked for here, so that all parts say the same
    import ipywidgets  # noqa: F401
except ImportError as missing:
    raise MissingDependencyError(
        "The panel of a notebook", str(missing.name), "notebook"
    ) from missing

from sitool.widgets.charts import Charts
from sitool.widgets.code import Code
from sitool.widgets.curriculum import Curriculum
from sitool.widgets.gap import Gap
from sitool.widgets.inspector import Inspector
from sitool.widgets.panel import Panel
from sitool.widgets.rounds import RoundTree
from sitool.widgets.samples import Samples
from sitool.widgets.sharpening import Sharpening
from sitool.widgets.signal import Signal
from sitool.widgets.steps import Steps
from sitool.widgets.theory import Theory

__all__ = [
    "Charts", "Code", "Curriculum", "Gap", "Inspector", "Panel", "RoundTree", "Samples",
    "Sharpening", "Signal", "Steps", "Theory",
]  # fmt: skip
