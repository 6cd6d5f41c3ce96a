"""Measures the sharpening of a round of a study, with a seed of the round's own."""

from sitool.seeds import derive_seed
from sitool.sharpening.reading import read_pool
from sitool.sharpening.report import SharpeningReport, Targets, check_targets, make_report
from sitool.store import Round, Store


def measure_sharpening(
    store: Store, round_: Round, level: int | None, targets: Targets
) -> SharpeningReport:
    """Measure what choosing by likelihood would bring a round, on its held-out samples.

    Raises:
        StudyError: The round is not evaluated, or has no held-out samples.
        ConfigError: A target is out of its bounds.
    """
    check_targets(targets)
    found = read_pool(store, round_, level)
    seed = derive_seed(round_.settings.seed, "sharpening", round_.id)
    return make_report(found.pool, round_.id, found.left_out, targets, seed, level)
