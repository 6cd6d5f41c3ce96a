"""Where a base's files are: built in, in a local folder, or in the cache of hub models.

Imports no torch, so that a front end may ask what code a base brings. What this leaves
out: reading them (`bases.py`).
"""

from pathlib import Path

from sitool.config import ModelSettings
from sitool.errors import ModelError
from sitool.models.builtin import builtin_folder, builtin_names

SMALL_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken")


def find_base(settings: ModelSettings) -> Path:
    """Return the folder of a base: built in, a local folder, or a hub model.

    A hub model comes from the local cache unless downloads are allowed.

    Raises:
        ModelError: It is none of these.
    """
    name = settings.base
    if name in builtin_names():
        return builtin_folder(name)
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else _find_hub_base(settings)


def _find_hub_base(settings: ModelSettings) -> Path:
    import huggingface_hub
    from huggingface_hub.errors import HFValidationError

    code = ("*.py",) if settings.trust_remote_code else ()
    try:
        found = huggingface_hub.snapshot_download(
            settings.base,
            local_files_only=not settings.allow_download,
            allow_patterns=["*.safetensors", *SMALL_FILES, *code],
        )
    except (OSError, HFValidationError) as error:
        raise ModelError(
            f"No base is named {settings.base!r}: it is not built in "
            f"({', '.join(builtin_names())}), not a folder, and not in the local cache "
            "of hub models.",
            "try: check the name, or set model.allow_download to true to fetch a hub model",
        ) from error
    return Path(found)
