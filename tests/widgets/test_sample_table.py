"""The samples of a notebook, without a browser: filters, pages, rulings, the inspector."""

from typing import Any

import pytest
from following import until

from sitool.front.rulings import Ruling
from sitool.records import Action
from sitool.widgets.inspector import Inspector
from sitool.widgets.samples import PAGE, Samples
from sitool.widgets.view import View


@pytest.fixture
def samples(view: View) -> Any:
    table = Samples(view)
    until(lambda: table.table.done and table.table.total)
    yield table
    table.close()


def ask(samples: Samples, *pages: int, question: int | None = None) -> dict[str, Any]:
    """Ask as the page does, and return the answer."""
    table = samples.table
    n = table.wanted.get("n", 0) + 1
    here = table.question if question is None else question
    table.set_state({"wanted": {"n": n, "question": here, "pages": list(pages)}})
    return dict(table.answer)


def test_a_page_is_answered_with_rows_in_order(samples: Samples, view: View) -> None:
    told = ask(samples, 0)
    ids = [row[0] for row in told["rows"]["0"]]
    assert ids == [s.id for s in view.study.round(2).samples()][:PAGE]
    assert samples.table.total == 96
    assert told["rows"]["0"][0][1][0] in "✓✗?·"


def test_a_question_of_an_older_list_is_left_alone(samples: Samples) -> None:
    before = ask(samples, 0)
    assert ask(samples, 0, question=samples.table.question - 1) == before


def test_words_filter_and_their_mistakes_are_said(samples: Samples, view: View) -> None:
    samples.table.words = "accepted"
    count = sum(1 for _ in view.study.round(2).samples(accepted=True))
    until(lambda: samples.table.total == count and samples.table.done)
    samples.table.words = "acepted"
    assert "Did you mean 'accepted'?" in samples.table.mistake
    assert samples.table.total == count, "a mistake changes nothing"
    samples.table.words = "accepted nosuchtext"
    until(lambda: "No sample fits" in samples.table.empty)
    assert samples.table.mistake == ""


def test_a_level_goes_both_ways_between_the_view_and_the_words(
    samples: Samples, view: View
) -> None:
    view.level = 3
    assert samples.table.words == "level:3"
    samples.table.words = "failed level:5"
    assert view.level == 5
    view.level = None
    assert samples.table.words == "failed"


def test_only_a_sample_that_was_chosen_elsewhere_is_brought_into_sight(
    samples: Samples, view: View
) -> None:
    ids = [row[0] for row in ask(samples, 0)["rows"]["0"]]
    samples.table.sample = ids[5]
    assert (view.sample, samples.table.row) == (ids[5], -1)
    view.sample = ids[7]
    assert (samples.table.sample, samples.table.row) == (ids[7], 7)


def test_a_heading_sorts_and_again_turns_the_order_round(samples: Samples) -> None:
    samples.table._handle_custom_msg({"sort": "lvl"}, [])
    assert samples.table.words == "sort:level"
    until(lambda: samples._listing.order == "level" and samples.table.done)
    samples.table._handle_custom_msg({"sort": "lvl"}, [])
    assert samples.table.words == "sort:-level"
    until(lambda: samples._listing.descending and samples.table.done)
    levels = [int(row[2]) for row in ask(samples, 0)["rows"]["0"]]
    assert levels == sorted(levels, reverse=True)


def test_texts_reach_the_page_without_control_characters(samples: Samples, view: View) -> None:
    first = next(iter(view.study.round(2).samples()))
    view.study._store.samples._database.execute(
        "UPDATE samples SET text = ? WHERE id = ?", ("<i>\x1b[31m\u202e\n", first.id)
    )
    assert ask(samples, 0)["rows"]["0"][0][4] == "<i>␛[31m�⏎"
    assert "<i>" not in str(samples.page())


def test_a_ruling_by_key_is_code_and_turns_the_rows_stale(samples: Samples, view: View) -> None:
    first = ask(samples, 0)["rows"]["0"][0][0]
    samples.table.sample = first
    assert view.sample == first
    version = samples.table.version
    samples.table._handle_custom_msg({"rule": "reject"}, [])
    until(lambda: samples.table.version > version)
    assert view.lines[-1] == f"study.reject({first})"
    assert "✎" in ask(samples, 0)["rows"]["0"][0][1]
    samples.table._handle_custom_msg({"rule": "reject"}, [])
    assert view.said == "This sample is rejected already; Delete clears that."
    assert view.lines == [f"study.reject({first})"]


@pytest.mark.parametrize(
    ("action", "reason", "text"),
    [
        (Action.ACCEPT, "", None), (Action.REJECT, "it's \"luck\"", None),
        (Action.EDIT, "better", "a\nb"), (Action.NOTE, "odd", None), (Action.CLEAR, "", None),
    ],
)  # fmt: skip
def test_the_code_of_a_ruling_does_the_same(
    view: View, action: Action, reason: str, text: str | None
) -> None:
    study = view.study
    one, other = [s.id for s in study.round(2).samples()][:2]
    for sample in (one, other):
        study.accept(sample)
    Ruling(one, action, reason, text).carry_out(study)
    exec(Ruling(other, action, reason, text).code, {"study": study})
    said = [study.sample(sample).decisions[-1] for sample in (one, other)]
    assert len({(d.action, d.reason, d.text) for d in said}) == 1


def test_the_inspector_says_what_the_app_says_and_rules(view: View) -> None:
    inspector = Inspector(view)
    assert inspector.buttons["Accept"].disabled
    assert "Choose a sample" in inspector.buttons["Accept"].tooltip
    sample = next(s for s in view.study.round(2).samples() if s.weight == 0)
    view.sample = sample.id
    shown = str(inspector.page())
    for words in ("Prompt", "Completion", "log p", "rule:", "The same problem, in every round"):
        assert words in shown
    inspector._reason.value = "good enough"
    inspector.buttons["Accept"].click()
    until(lambda: inspector.sample is not None and inspector.sample.ruling is not None)
    assert view.lines == [f"study.accept({sample.id}, reason='good enough')"]
    assert "good enough" in str(inspector.page())
    inspector.buttons["Accept"].click()
    assert "accepted already; Take back undoes that" in inspector._said.value
    assert inspector.buttons["Accept"].tooltip == "Let it count in training."
    inspector.buttons["Take back"].click()
    until(lambda: inspector.sample is not None and inspector.sample.ruling is None)
    inspector.close()


def test_the_inspector_writes_a_completion_of_ones_own(view: View) -> None:
    inspector = Inspector(view, next(iter(view.study.round(2).samples())).id)
    inspector.buttons["Edit"].click()
    assert inspector._editing.layout.display == ""
    inspector._edited.value = "abc"
    inspector._editing.children[1].click()
    until(lambda: inspector.sample is not None and inspector.sample.ruling is not None)
    assert inspector.sample is not None
    assert inspector.sample.ruling is not None
    assert (inspector.sample.ruling.action, inspector.sample.ruling.text) == ("edit", "abc")
    inspector.close()


def test_nobody_rules_on_the_evaluation(view: View) -> None:
    greedy = next(iter(view.study.round(2).samples(role="greedy")))
    inspector = Inspector(view, greedy.id)
    assert "belongs to the evaluation" in inspector._said.value
    for button in inspector.buttons.values():
        assert button.disabled
        assert "belongs to the evaluation" in button.tooltip
    inspector.close()


def test_a_choice_among_the_same_problem_goes_there(view: View) -> None:
    sample = next(iter(view.study.round(2).samples()))
    inspector = Inspector(view, sample.id)
    assert view.sample == sample.id, "listing the others chooses none"
    other = inspector._others.options[-1][1]
    assert other != sample.id
    inspector._others.value = other
    assert view.sample == other
    inspector.close()
