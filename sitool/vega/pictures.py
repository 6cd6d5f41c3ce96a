"""Pictures of specs, drawn by vl-convert, which brings all it needs and loads nothing."""

import hashlib
import re
import zlib
from pathlib import Path
from typing import Any

from sitool.drafts import replaced_file
from sitool.errors import MissingDependencyError, UnknownNameError
from sitool.plots import Plot
from sitool.vega.specs import Drawable, Spec, spec_of

VEGA_LITE = "6.1"
PNG_START = b"\x89PNG\r\n\x1a\n"
FORMS = ("svg", "png", "html")


def svg_of(plot: Drawable) -> str:
    """Draw a plot as SVG.

    Raises:
        StudyError: There is nothing to draw.
        MissingDependencyError: vl-convert is not installed.
    """
    return picture(spec_of(plot), "svg").decode()


def picture(spec: Spec, form: str, scale: float = 2) -> bytes:
    """Draw a spec as `svg` or `png`, or as an `html` page that needs no network.

    Args:
        scale: Pixels of a PNG for one of the spec.

    Raises:
        UnknownNameError: There is no such form.
        MissingDependencyError: vl-convert is not installed.
    """
    if form not in FORMS:
        raise UnknownNameError("form of picture", form, FORMS)
    try:
        import vl_convert
    except ImportError as error:
        word = {"svg": "an SVG", "png": "a PNG", "html": "an HTML page"}[form]
        raise MissingDependencyError(f"Drawing {word}", "vl-convert-python", "report") from error
    if form == "html":
        return str(vl_convert.vegalite_to_html(spec, vl_version=VEGA_LITE, bundle=True)).encode()
    offline: dict[str, Any] = {"vl_version": VEGA_LITE, "allowed_base_urls": []}
    if form == "png":
        return _pressed(bytes(vl_convert.vegalite_to_png(spec, scale=scale, **offline)))
    return _with_own_names(str(vl_convert.vegalite_to_svg(spec, **offline))).encode()


def _pressed(png: bytes) -> bytes:
    """Compress a PNG as well as can be: vl-convert is quick, and leaves it three times larger."""
    parts, place = list[tuple[bytes, bytes]](), len(PNG_START)
    while place < len(png):
        size = int.from_bytes(png[place : place + 4])
        parts.append((png[place + 4 : place + 8], png[place + 8 : place + 8 + size]))
        place += size + 12
    pixels = zlib.decompress(b"".join(data for kind, data in parts if kind == b"IDAT"))
    (head, *others) = (part for part in parts if part[0] != b"IDAT")
    written = [head, *others[:-1], (b"IDAT", zlib.compress(pixels, 9)), others[-1]]
    return PNG_START + b"".join(
        len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
        for kind, data in written
    )


def _with_own_names(svg: str) -> str:
    """Name a picture's gradients and clips for the picture.

    vl-convert counts them on from picture to picture, so one study would not make the
    same pictures twice; and two in one page must not share a name.
    """
    plain = re.sub(r"\b(gradient_|clip)\d+\b", r"\1", svg)
    mark = hashlib.blake2b(plain.encode(), digest_size=4).hexdigest()
    numbers: dict[str, str] = {}
    return re.sub(
        r"\b(gradient_|clip)\d+\b",
        lambda found: numbers.setdefault(found[0], f"{found[1]}{mark}_{len(numbers)}"),
        svg,
    )


def save_svg(plot: Plot, folder: Path, name: str) -> Path:
    """Draw a plot into a folder, over an older drawing of that name, and return the file.

    Raises:
        StudyError: There is nothing to draw, or the file cannot be written.
        MissingDependencyError: vl-convert is not installed.
    """
    svg, file = svg_of(plot), folder / f"{name}.svg"
    with replaced_file(file, make_folder=True) as draft:
        draft.write_text(svg, encoding="utf-8")
    return file
