"""Work in a thread: its result reaches the app, and so does what goes wrong in it."""

import pytest
from textual.app import App
from waiting import until

from sitool.tui.aside import in_thread


async def test_a_result_is_handed_over_on_the_apps_thread() -> None:
    app: App[None] = App()
    taken: list[int] = []
    async with app.run_test() as pilot:
        in_thread(app, lambda: 6 * 7, taken.append)
        await until(pilot, lambda: taken)
    assert taken == [42]


async def test_what_goes_wrong_in_a_thread_ends_the_app() -> None:
    app: App[None] = App()

    def work() -> None:
        raise RuntimeError("no room on the bench")

    with pytest.raises(RuntimeError, match="no room on the bench"):
        async with app.run_test() as pilot:
            in_thread(app, work)
            await until(pilot, lambda: app.return_code is not None)
    assert app.return_code == 1
