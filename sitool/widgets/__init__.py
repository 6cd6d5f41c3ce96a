"""The parts of a panel in a notebook; `study.panel()` shows them together.

    sitool.widgets.Curriculum(study)

What this leaves out: numbers of their own. They draw a `Look` and send commands, as
the terminal app does.

Raises:
    MissingDependencyError: The packages of the extra `notebook` are not installed.
"""
