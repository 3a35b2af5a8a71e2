"""The trained models that come with the toolkit, checked against their hashes before use."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from smmbench.home import file_sha256

MODELS = Path(__file__).with_name("models")
SUMS = "SHA256SUMS"


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
    lines = (models / SUMS).read_text("utf-8").splitlines()
    listed = [line.split(maxsplit=1) for line in lines]
    for digest, path in listed:
        if path.split("/")[0] != name:
            continue
        file = models / path
        if not file.is_file():
            raise ValueError(f"The model '{name}' lacks '{path}'; install smmbench again.")
        if file_sha256(file) != digest:
            raise ValueError(
                f"'{file}' is not the file that was published. Install smmbench again, or name "
                "the folder of your own model instead of the name of ours."
            )
    return models / name
