"""Charts of single samples: two verifiers beside each other, and one sample token by token."""

from typing import TYPE_CHECKING

from sitool.charts.drawing import draw
from sitool.charts.sources import summary_of, tip_of
from sitool.client import Study
from sitool.models.pieces import pieces_of
from sitool.plots.samples import score_plot, token_strip

if TYPE_CHECKING:
    from sitool.charts.figures import Figure


def scores(
    study: Study,
    first: str,
    second: str,
    number: int | None = None,
    role: str = "sampled",
    theme: str = "light",
) -> "Figure":
    """Draw what two verifiers say of a round's samples, a dot each, right and wrong ones apart.

    Args:
        number: Of the round; None is the head.
        role: `sampled`, the held-out ones; or `train`, those the round could learn from.

    Raises:
        StudyError: No sample has a score of both, or there is no such round.
        UnknownNameError: There is no such theme.
        MissingDependencyError: altair is not installed.
    """
    view = study.round(tip_of(summary_of(study), number))
    whose = f"{'held-out ' if role == 'sampled' else ''}samples of r{view.number}"
    return draw(score_plot(view.samples(role=role), first, second, whose), theme)


def tokens(study: Study, sample_id: int, theme: str = "light") -> "Figure":
    """Draw one sample's completion, each token a box coloured by its log-probability.

    Raises:
        StudyError: There is no such sample, or the sampler gave no log-probabilities.
        UnknownNameError: There is no such theme.
        MissingDependencyError: altair is not installed.
    """
    sample = study.sample(sample_id)
    base = study.round(sample.round).settings.model.base
    return draw(token_strip(sample, pieces_of(base, sample.completion)), theme)
