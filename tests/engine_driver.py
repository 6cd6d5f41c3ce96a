"""A process that runs studies in children of its own, and lets them die by SIGKILL.

It loads torch once (nothing is computed in it) and forks for every order, so
that a killed engine costs a tenth of a second and not a fresh interpreter.
Orders are JSON lines on stdin, {"folder", "rounds", "kill_at"}; the answer is a
JSON line {"status", "points"}. A point is an instant at which the engine may
die: before and after every commit, at every event, and around the move of an
adapter's folder to its place. `kill_at` is the number of the point to die at, or
-1; `points` are those that were passed, as [phase, what].
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Points:
    """Counts the instants at which the engine may die, and dies at one."""

    def __init__(self, kill_at: int) -> None:
        self.kill_at = kill_at
        self.passed: list[tuple[str, str]] = []
        self.phase = ""

    def __call__(self, what: str) -> None:
        if len(self.passed) == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.passed.append((self.phase, what))


def instrument(points: Points) -> None:
    """Put a point around everything that is written."""
    from sitool import events, scoring
    from sitool.models import adapters
    from sitool.store.database import Database
    from sitool.store.journal import Journal

    scoring.VERIFY_CHUNK = 10
    around(points, Database, "_commit", "commit")
    around(points, adapters, "_move_over", "move of the adapter")
    execute, execute_many, write = Database.execute, Database.execute_many, Journal.write

    def executing(self: Any, *args: Any) -> int:
        found = execute(self, *args)
        if not self._connection.in_transaction:
            points("after a statement of its own")
        return found

    def executing_many(self: Any, *args: Any) -> None:
        execute_many(self, *args)
        if not self._connection.in_transaction:
            points("after statements of their own")

    def writing(self: Any, event: events.Event) -> None:
        if isinstance(event, events.PhaseStarted):
            points.phase = event.phase
        points(f"at the event {event.kind}")
        write(self, event)

    Database.execute, Database.execute_many, Journal.write = executing, executing_many, writing


def around(points: Points, owner: Any, name: str, what: str) -> None:
    """Put a point before and after a function."""
    former: Callable[..., Any] = getattr(owner, name)

    def wrapped(*args: Any) -> Any:
        points(f"before the {what}")
        found = former(*args)
        points(f"after the {what}")
        return found

    setattr(owner, name, wrapped)


def work(folder: Path, rounds: int, points: Points) -> None:
    """Run a study until its head is a round of this number."""
    import sitool

    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    instrument(points)
    study = sitool.open(folder)
    while study.head is None or study.head.number < rounds:
        study.run(0 if rounds == 0 else 1)
    study.close()


def obey(order: dict[str, Any]) -> dict[str, Any]:
    """Fork, work in the child, and say what became of it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            points = Points(order["kill_at"])
            work(Path(order["folder"]), order["rounds"], points)
            os.write(writer, json.dumps(points.passed).encode())
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return {"status": os.waitstatus_to_exitcode(status), "points": json.loads(said or "[]")}


def main() -> None:
    """Serve until stdin closes."""
    import sitool.models.scripted
    import sitool.samplers.scripted
    import sitool.tasks.path
    import sitool.trainers.scripted
    import sitool.verifiers.truth

    if "real" in sys.argv[1:]:
        import sitool.models.local
        import sitool.samplers.native
        import sitool.trainers.mle  # noqa: F401
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(obey(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
