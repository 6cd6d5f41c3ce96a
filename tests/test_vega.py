"""Plots as Vega-Lite specs and as pictures, and what a live view holds on to."""

import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from sitool import plots, vega
from sitool.client import Study
from sitool.errors import MissingDependencyError, StudyError, UnknownNameError
from sitool.plots import KINDS, Line, Plot, branches
from sitool.vega.rows import MOST_POINTS


@pytest.mark.parametrize("kind", KINDS)
def test_every_chart_is_a_valid_vega_lite_spec(study: Study, kind: str) -> None:
    altair = pytest.importorskip("altair")
    altair.Chart.from_dict(vega.spec_of(plots.plot_of(study.summary(), kind, 2)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_chart_becomes_an_svg_that_loads_nothing(study: Study, kind: str) -> None:
    pytest.importorskip("vl_convert")
    svg = vega.svg_of(plots.plot_of(study.summary(), kind, 2))
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert not [e for e in root.iter() if e.tag.endswith(("image", "script", "style", "link"))]


def test_nothing_to_draw_is_said_and_not_drawn(study: Study) -> None:
    with pytest.raises(StudyError, match="nothing was trained"):
        vega.svg_of(plots.plot_of(study.summary(), "loss", 0))


def test_a_missing_extra_is_one_line_that_names_it(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(MissingDependencyError, match=r"sitool\[report\]"):
        vega.svg_of(plots.plot_of(study.summary(), "accuracy", 2))


def test_a_long_line_is_thinned_and_keeps_its_extremes() -> None:
    y = np.random.default_rng(0).normal(size=100_000)
    y[77], y[50_001], y[99_000] = -50, 50, np.nan
    line = Line("r1", np.arange(100_000.0), y)
    rows = vega.spec_of(Plot("loss", "Training loss", [line]))["data"]["values"]
    assert len(rows) <= MOST_POINTS + 2
    assert {min(r["y"] for r in rows), max(r["y"] for r in rows)} == {-50, 50}


BRANCH_PLOTS = (
    branches.accuracy_map,
    branches.weight_map,
    branches.feedback_plot,
    branches.branch_losses,
)


@pytest.mark.parametrize("make", BRANCH_PLOTS)
def test_the_charts_of_a_branch_are_valid_specs_and_can_be_drawn(study: Study, make: Any) -> None:
    altair = pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    spec = vega.spec_of(make(study.summary(), 2))
    altair.Chart.from_dict(spec)
    assert vega.picture(spec, "svg").startswith(b"<svg")


def test_lines_beyond_the_eighth_differ_by_their_shape() -> None:
    lines = [Line(f"level {i}", np.arange(3.0), np.arange(3.0)) for i in range(24)]
    points = vega.spec_of(Plot("accuracy", "Many", lines))["layer"][-1]["encoding"]
    looks = zip(points["color"]["scale"]["range"], points["shape"]["scale"]["range"], strict=True)
    assert len(set(looks)) == 24


@pytest.mark.parametrize(("places", "beside"), [(1, True), (2, False)])
def test_intervals_at_a_single_place_stand_beside_each_other(places: int, beside: bool) -> None:
    x = np.arange(float(places))
    y = np.full(places, 0.5)
    lines = [Line(name, x, y, low=y - 0.1, high=y + 0.1) for name in ("mc", "majority")]
    ticks = {float(i): f"r{i}" for i in range(places)}
    layers = vega.spec_of(Plot("gap", "Gap", lines, ticks=ticks))["layer"]
    assert ["xOffset" in layer["encoding"] for layer in layers] == [beside] * len(layers)


def test_importing_loads_no_chart_library() -> None:
    code = "import sys, sitool.vega; print('altair' in sys.modules, 'vl_convert' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


# What a live view holds on to.


def compiled(spec: dict[str, Any], version: str = "6.1") -> dict[str, Any]:
    """Return a spec as Vega, as a browser makes it of it."""
    vl_convert = pytest.importorskip("vl_convert")
    return dict(vl_convert.vegalite_to_vega(spec, vl_version=version))


LIVE = (*(partial(plots.plot_of, kind=kind, shown=2) for kind in KINDS),
        *(partial(make, tip=2) for make in BRANCH_PLOTS))  # fmt: skip


@pytest.mark.parametrize("make", LIVE)
def test_a_spec_has_one_data_set_of_rows_under_a_known_name(study: Study, make: Any) -> None:
    plot = make(study.summary())
    spec = vega.spec_of(plot)
    assert spec["data"] == {"name": vega.DATA, "values": vega.rows_of(plot)}
    assert spec | {"data": {"name": vega.DATA}} == vega.frame_of(plot)
    in_vega = [data for data in compiled(spec)["data"] if data["name"] == vega.DATA]
    assert [data["values"] for data in in_vega] == [vega.rows_of(plot)]


@pytest.mark.parametrize("make", LIVE)
def test_what_a_click_picks_is_a_signal_named_for_the_field_of_the_rows(
    study: Study, make: Any
) -> None:
    plot = make(study.summary())
    fields = {name for row in vega.rows_of(plot) for name in ("level", "round") if name in row}
    spec = vega.spec_of(plot)
    assert {param["name"] for param in spec["params"]} - {"picked"} == fields
    (marks,) = (layer for layer in spec["layer"] if layer.get("name") == "marks")
    assert all(param["views"] == ["marks"] for param in spec["params"])
    assert "tooltip" in marks["encoding"]
    for version in ("6.1", "5.8"):  # Notebooks bring libraries of version 5.
        signals = {signal["name"] for signal in compiled(spec, version).get("signals", ())}
        assert fields <= signals


def test_a_new_round_changes_the_rows_of_a_drawn_chart_and_nothing_else(study: Study) -> None:
    before = study.summary()
    study.step()
    after = study.summary()
    for make in (
        lambda summary, tip: plots.plot_of(summary, "accuracy", tip),
        lambda summary, tip: plots.plot_of(summary, "entropy", tip),
        branches.accuracy_map,
        branches.feedback_plot,
    ):
        one, other = make(before, 2), make(after, 3)
        assert vega.frame_of(one) == vega.frame_of(other)
        fresh = [row for row in vega.rows_of(other) if row["round"] == 3]
        assert fresh
        old = [row | {"x": None} for row in vega.rows_of(other) if row["round"] != 3]
        assert old == [row | {"x": None} for row in vega.rows_of(one)]


# Themes and pictures.


def test_a_dark_chart_has_no_colour_of_a_light_page_and_the_same_rows(study: Study) -> None:
    spec = vega.spec_of(plots.plot_of(study.summary(), "accuracy", 2))
    dark, light = (vega.themed(spec, theme) for theme in ("dark", "light"))
    assert dark["data"] == light["data"] == spec["data"]
    assert light["layer"] == spec["layer"]
    text = str({**dark, "data": None})
    assert not [colour for colour in vega.COLOURS if colour in text]
    assert dark["background"] != light["background"]
    with pytest.raises(UnknownNameError, match="Did you mean 'dark'"):
        vega.themed(spec, "drak")


def test_a_long_note_is_broken_into_lines(study: Study) -> None:
    plot = replace(plots.plot_of(study.summary(), "accuracy", 2), note="word " * 60)
    lines = vega.spec_of(plot)["title"]["subtitle"]
    assert len(lines) > 2
    assert " ".join(lines).split() == vega.small_print(plot).split()


def test_a_plot_makes_the_same_svg_twice_and_shares_no_name_with_another(study: Study) -> None:
    pytest.importorskip("vl_convert")
    first, second = (
        vega.spec_of(make(study.summary(), 2))
        for make in (branches.accuracy_map, branches.weight_map)
    )
    one, other, again = (vega.picture(spec, "svg") for spec in (first, second, first))
    assert one == again
    names = [set(re.findall(rb'id="([^"]+)"', svg)) for svg in (one, other)]
    assert all(names)
    assert not names[0] & names[1]


def test_a_png_is_sound_and_as_large_as_it_is_asked_to_be(study: Study) -> None:
    vl_convert = pytest.importorskip("vl_convert")
    spec = vega.spec_of(plots.plot_of(study.summary(), "accuracy", 2))
    ours = vega.picture(spec, "png", 1.5)
    plain = vl_convert.vegalite_to_png(spec, vl_version="6.1", scale=1.5, allowed_base_urls=[])
    assert len(ours) < len(plain)
    assert pixels_of(ours) == pixels_of(plain)


def pixels_of(png: bytes) -> tuple[bytes, bytes]:
    """Return a PNG's head and its pixels, with every check sum checked."""
    head, packed, place = b"", b"", 8
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place : place + 8])
        data = png[place + 8 : place + 8 + size]
        (said,) = struct.unpack(">I", png[place + 8 + size : place + 12 + size])
        assert zlib.crc32(kind + data) == said
        head, packed = (data if kind == b"IHDR" else head), packed + data * (kind == b"IDAT")
        place += 12 + size
    assert kind == b"IEND"
    return head, zlib.decompress(packed)
