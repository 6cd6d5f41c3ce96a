"""The thread between a screen and its study."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from studies import first_sample
from textual.message import Message
from waiting import LONGEST_SECONDS

from sitool.client import Study
from sitool.errors import StudyError
from sitool.tui.desk import Desk, Done, Failed, Happened, Looked


class Ears:
    """Takes what a desk says."""

    def __init__(self) -> None:
        self.heard: list[Message] = []

    def __call__(self, message: Message) -> bool:
        if isinstance(message, Done):
            message.then(message.result)
        self.heard.append(message)
        return True

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.heard if isinstance(message, kind)]

    def wait(self, true: Callable[[], bool], seconds: float = LONGEST_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, self.heard
            time.sleep(0.01)


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def desk(study: Study, ears: Ears) -> Iterator[Desk]:
    made = Desk(study.folder, ears)
    made.start()
    ears.wait(lambda: bool(ears.of(Looked)))
    yield made
    made.close()


def wait_for_looks(desk: Desk, ears: Ears, count: int = 5) -> None:
    """Wait until the desk has looked some more times, whatever it says of it."""
    looked: list[bool] = []
    real = desk._watch

    def watch(study: Study) -> None:
        real(study)
        looked.append(True)

    desk._watch = watch  # type: ignore[method-assign,assignment]
    ears.wait(lambda: len(looked) >= count)


def test_the_first_look_comes_at_once_and_has_every_number(
    desk: Desk, ears: Ears, study: Study
) -> None:
    look = ears.of(Looked)[0].look
    assert look.summary == study.summary()
    assert look.plan == study.plan()
    assert not look.working
    assert not look.died
    assert look.review is None


def test_nothing_is_said_while_nothing_changes(desk: Desk, ears: Ears) -> None:
    before = len(ears.heard)
    wait_for_looks(desk, ears)
    assert len(ears.heard) == before


def test_what_others_do_is_seen(desk: Desk, ears: Ears, study: Study) -> None:
    study.curriculum.harder()
    ears.wait(lambda: ears.of(Looked)[-1].look.summary.settings.curriculum.shift == 1)


def test_wishes_are_fulfilled_in_order_and_answered(desk: Desk, ears: Ears) -> None:
    answers: list[int] = []
    for number in range(5):
        desk.ask(lambda study, number=number: number, answers.append)
    ears.wait(lambda: len(answers) == 5)
    assert answers == list(range(5))


def test_a_wish_that_fails_says_why_and_the_desk_lives_on(desk: Desk, ears: Ears) -> None:
    def stumble(study: Study) -> None:
        raise ZeroDivisionError("by zero")

    desk.ask(lambda study: study.round(99))
    desk.ask(stumble)
    desk.ask(lambda study: study.curriculum.harder())
    ears.wait(lambda: ears.of(Looked)[-1].look.summary.settings.curriculum.shift == 1)
    first, second = (failed.error for failed in ears.of(Failed))
    assert "There is no round 99" in first.message
    assert "ZeroDivisionError" in second.message
    assert isinstance(second, StudyError)


def test_events_of_a_round_arrive_in_order(desk: Desk, ears: Ears, study: Study) -> None:
    study.step()
    ears.wait(lambda: any(e.kind == "RoundFinished" for m in ears.of(Happened)
                          for _, e in m.happened if not m.replayed))  # fmt: skip
    live = [e.kind for m in ears.of(Happened) if not m.replayed for _, e in m.happened]
    assert live[0] == "RoundStarted"
    ears.wait(lambda: ears.of(Looked)[-1].look.summary.head == 3)


def test_a_paused_round_tells_what_rulings_change(desk: Desk, ears: Ears, study: Study) -> None:
    study.step(to="select")
    ears.wait(lambda: ears.of(Looked)[-1].look.review is not None)
    before = ears.of(Looked)[-1].look.review
    assert before.total == study.round(3).summary().accepted
    study.reject(first_sample(study, 3, accepted=True).id)
    wrong = next(
        s for s in study.round(3).samples(accepted=False, passed=False) if s.completion.text
    )
    study.accept(wrong.id)
    ears.wait(lambda: ears.of(Looked)[-1].look.review.added == 1)
    review = ears.of(Looked)[-1].look.review
    assert (review.added, review.removed, review.edited) == (1, 1, 0)
    study.step()
    trained = sum(1 for _ in study.round(3).samples(accepted=True))
    assert review.total == trained


def test_a_deleted_study_is_said_once(desk: Desk, ears: Ears, study: Study) -> None:
    for file in study.folder.glob("study.db*"):
        file.unlink()
    ears.wait(lambda: bool(ears.of(Failed)))
    wait_for_looks(desk, ears)
    assert [failed.error.message for failed in ears.of(Failed)] == [
        f"The study in {str(study.folder)!r} is gone: study.db was removed."
    ]
