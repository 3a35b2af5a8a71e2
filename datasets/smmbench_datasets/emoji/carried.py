"""The trained models that come with the toolkit, checked against their hashes before use."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from smmbench.storage.home import SUMS, file_sha256, published_sha256

MODELS = Path(__file__).with_name("models")


@cache
def carried(name: str, models: Path = MODELS) -> Path:
    """Folder of a model, after its files were found to be what was published; checked once.

    Args:
        name: `backbone`, `clip` or `judge`.
        models: Folder of all of them, with `SHA256SUMS`.

    Raises:
        ValueError: A file is missing or has other bytes: numbers made with it would carry the
            published model's name.
    """
    sums = {path: sha for path, sha in published_sha256(models).items() if _is_of(name, path)}
    if not sums:
        raise ValueError(f"'{models / SUMS}' lists no file of '{name}'; install smmbench again.")
    for path, digest in sums.items():
        file = models / path
        if not file.is_file():
            raise ValueError(f"The model '{name}' lacks '{path}'; install smmbench again.")
        if file_sha256(file) != digest:
            raise ValueError(
                f"'{file}' is not the file that was published. Install smmbench again, or name "
                "the folder of your own model instead of the name of ours."
            )
    return models / name


def _is_of(name: str, path: str) -> bool:
    return path.split("/")[0] == name
