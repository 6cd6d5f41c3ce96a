"""The sheet of guarantees says what its functions say."""

import numpy as np
import pytest

from sitool import lab


def test_the_sheet_holds_the_numbers_of_each_bound() -> None:
    at = lab.Situation(initial=0.6, draws=200)
    found = {bound.name: bound for bound in lab.guarantees(at)}
    assert all(bound.source == "sitool bound" and bound.assumptions for bound in found.values())
    np.testing.assert_allclose(
        found["S3, where it ends if kappa = 1: J- and J+"].value, [0.133, 0.867], atol=5e-4
    )
    climbing = lab.easy_to_hard(0.6, [1, 2, 4, 8, 16], 1e4, 0.1 / 12, 200, 12)
    mixed = lab.fixed_mixture(0.6, [1, 2, 4, 8, 16], [0.2] * 5, 1e4, 0.1 / 12, 200, 12)
    by_name = {name.rpartition(", ")[2]: bound for name, bound in found.items()}
    assert float(by_name["easy to hard"].value) == pytest.approx(climbing.success(16)[-1])
    assert float(by_name["uniform mixture"].value) == pytest.approx(mixed.success(16)[-1])
    assert float(by_name["hard only"].value) == 0


def test_counts_of_sharpening_grow_as_the_theorems_say() -> None:
    few, many = (
        {b.name: float(b.value) for b in lab.sharpening_counts(lab.Situation(epsilon=epsilon))}
        for epsilon in (0.1, 0.01)
    )
    assert many["SFT: samples in all"] / few["SFT: samples in all"] == pytest.approx(100, rel=0.01)
    adaptive = "adaptive: samples in all"
    assert many[adaptive] / few[adaptive] == pytest.approx(10, rel=0.01)
