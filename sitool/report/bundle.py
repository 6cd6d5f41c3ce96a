"""The chart libraries as one script: Vega, Vega-Lite and vegaEmbed, as vl-convert packs them.

Packing takes seconds and holds Python's lock, so a process of its own does it while
this one works out the rest of the report. What was packed once is kept in the user's
cache, so that a notebook's charts are there at once.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from sitool.drafts import replaced_file
from sitool.errors import MissingDependencyError, SitoolError
from sitool.planning.machines import cache_file
from sitool.vega.pictures import VEGA_LITE

SNIPPET = "window.vegaEmbed = vegaEmbed;"
PACK = (
    "import sys, vl_convert;"
    " sys.stdout.buffer.write(vl_convert.javascript_bundle(*sys.argv[1:]).encode())"
)
END = "\n// packed whole\n"


@contextmanager
def library() -> Iterator[Callable[[], str]]:
    """Begin to pack the script, and give a function that waits for it and returns it.

    Raises:
        MissingDependencyError: vl-convert is not installed.
    """
    if find_spec("vl_convert") is None:
        raise MissingDependencyError("The report", "vl-convert-python", "report")
    kept = kept_file()
    script = _read(kept)
    if script:
        yield lambda: script
        return
    command = [sys.executable, "-P", "-c", PACK, SNIPPET, VEGA_LITE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            yield lambda: _packed(child, kept)
        finally:
            child.kill()


def kept_file() -> Path:
    """Return where the packed script is kept: its name holds the versions of what is in it."""
    return cache_file(f"vega-{VEGA_LITE}-{version('vl-convert-python')}.js")


def _read(file: Path) -> str:
    """Return a script that was kept; nothing if there is none, or only a part of it."""
    with suppress(OSError, ValueError):
        script = file.read_text(encoding="utf-8")
        return script if script.endswith(END) else ""
    return ""


def _packed(child: subprocess.Popen[bytes], kept: Path) -> str:
    """Wait for the script and keep it; nothing in it may end the element that it is put in.

    Raises:
        SitoolError: It was not packed.
    """
    packed, said = child.communicate()
    if child.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise SitoolError(f"The chart libraries could not be packed: {last}")
    script = packed.decode().replace("</script", "<\\/script").replace("<!--", "<\\!--") + END
    # A cache that cannot be written keeps nothing.
    with suppress(SitoolError), replaced_file(kept, make_folder=True) as draft:
        draft.write_text(script, encoding="utf-8")
    return script
