"""A notebook in JupyterLab, as a person has it before them: the benchmarks' own."""

from benchmarks.jupyter import MILLISECONDS, NotebookPage, Server, serve

__all__ = ["MILLISECONDS", "NotebookPage", "Server", "serve"]
