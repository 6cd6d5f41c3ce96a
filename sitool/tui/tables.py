"""Panels around a table of the toolkit. What this leaves out: what stands in the table."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import DataTable, Static
from textual.widgets.data_table import CursorType

from sitool.tui.sizes import on_new_size


class TablePanel(Widget):
    """A panel with a table."""

    def on_mount(self) -> None:
        """Draw rows anew: the table keeps how wide they were beside a scrollbar that has gone."""
        on_new_size(self, self._draw_rows_anew)

    def _draw_rows_anew(self) -> None:
        self.call_after_refresh(self.query_one(DataTable).notify_style_update)


class NotedTable(TablePanel):
    """A part with a table, and below it a note on what is under the cursor.

    Args:
        cursor: What it goes over, `row` or `cell`.
        table: The id of the table.
        note: The id of the note.
    """

    def __init__(self, name: str, *, cursor: CursorType, table: str, note: str) -> None:
        super().__init__(id=name, classes="part")
        self._cursor, self._table, self._note = cursor, table, note

    def compose(self) -> ComposeResult:
        """Hold the table and the note."""
        with Vertical():
            yield DataTable(cursor_type=self._cursor, zebra_stripes=False, id=self._table)
            yield Static(id=self._note, markup=False)
