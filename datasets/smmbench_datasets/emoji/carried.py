"""The trained models bundled with the toolkit, checked against their hashes before use."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from smmbench.storage.home import SUMS, file_sha256, published_sha256

MODELS = Path(__file__).with_name("models")


@cache
def carried(name: str, models: Path = MODELS) -> Path:
    """Folder of a bundled model, after a check that its files are the published ones; cached.

    Args:
        name: `backbone`, `clip` or `judge`.
        models: Folder of all of them, with `SHA256SUMS`.

    Raises:
        ValueError: A file is missing or has other bytes: results obtained with it would be
            attributed to the published model.
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
                f"'{file}' is not the file that was published. Install smmbench again, or pass "
                "the folder of your own model instead of the name of the bundled one."
            )
    return models / name


def _is_of(name: str, path: str) -> bool:
    return path.split("/")[0] == name
