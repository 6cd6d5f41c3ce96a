"""The chart libraries as one script: Vega, Vega-Lite and vegaEmbed, as vl-convert packs them.

Packing takes seconds and holds Python's lock, so a process of its own does it while
this one works out the rest of the report.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from sitool.errors import MissingDependencyError, SitoolError
from sitool.vega.pictures import VEGA_LITE

SNIPPET = "window.vegaEmbed = vegaEmbed;"
PACK = (
    "import sys, vl_convert;"
    " sys.stdout.buffer.write(vl_convert.javascript_bundle(*sys.argv[1:]).encode())"
)


@contextmanager
def library() -> Iterator[Callable[[], str]]:
    """Begin to pack the script, and give a function that waits for it and returns it.

    Raises:
        MissingDependencyError: vl-convert is not installed.
    """
    if find_spec("vl_convert") is None:
        raise MissingDependencyError("The report", "vl-convert-python", "report")
    command = [sys.executable, "-P", "-c", PACK, SNIPPET, VEGA_LITE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            yield lambda: _packed(child)
        finally:
            child.kill()


def _packed(child: subprocess.Popen[bytes]) -> str:
    """Wait for the script; nothing in it may end the element that it is put in.

    Raises:
        SitoolError: It was not packed.
    """
    packed, said = child.communicate()
    if child.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise SitoolError(f"The chart libraries could not be packed: {last}")
    script = packed.decode()
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
