"""Files of the Hugging Face hub at one commit, fetched once and kept in the hub's own cache."""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from smmbench.errors import raise_if_machine


def is_commit(revision: str) -> bool:
    """Whether a revision cannot move: a whole commit, and no branch, tag or short form."""
    return re.fullmatch(r"[0-9a-f]{40}", revision) is not None


def offline() -> bool:
    """Whether `HF_HUB_OFFLINE` forbids to ask the hub, in the spellings that its library takes."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


SECONDS_SILENT = 5.0
"""After so long, a warning says what is being fetched."""


@contextmanager
def quiet_retries(what: str) -> Iterator[None]:
    """Keep the hub's library from reporting each of its retries; say once what takes long.

    The retries are two lines each, and the error that is raised in the end states the cause.

    Args:
        what: What is being fetched, as the subject of a sentence.
    """
    logger = logging.getLogger("huggingface_hub.utils._http")
    level = logger.level
    logger.setLevel(logging.ERROR)
    slow = threading.Timer(SECONDS_SILENT, _say_slow, (what,))
    slow.daemon = True
    slow.start()
    try:
        yield
    finally:
        slow.cancel()
        logger.setLevel(level)


def _say_slow(what: str) -> None:
    warnings.warn(
        f"{what} is being fetched from the hub. HF_HUB_OFFLINE=1 uses only files of this machine.",
        stacklevel=2,
    )


def snapshot(
    repository: str,
    commit: str,
    instead: str,
    *,
    kind: Literal["model", "dataset"] = "model",
    files: Sequence[str] | None = None,
    ignored: Sequence[str] | None = None,
) -> Path:
    """Fetch files of a repository, or take them from the cache; offline, only the cache is read.

    Args:
        repository: Owner and name, as on the hub.
        commit: The commit, in full.
        instead: Sentences for the error message: what the user can do without the hub.
        kind: Kind of the repository.
        files: Patterns of the files that are needed; None for all.
        ignored: Patterns of files that are not.

    Returns:
        The folder of the commit in the hub's cache (`HF_HOME`).

    Raises:
        LookupError: The hub does not give it and it is not in the cache.
        OSError: This machine has no room, or cannot write.
    """
    from huggingface_hub import snapshot_download

    try:
        with quiet_retries(f"The {kind} '{repository}'"):
            folder = snapshot_download(
                repository,
                repo_type=kind,
                revision=commit,
                allow_patterns=None if files is None else list(files),
                ignore_patterns=None if ignored is None else list(ignored),
            )
        return Path(folder)
    except Exception as error:  # network, hub and disk raise many kinds
        raise_if_machine(error)
        first = (str(error).splitlines() or [""])[0]
        said = " HF_HUB_OFFLINE is set." if offline() else ""
        raise LookupError(
            f"The hub does not provide the {kind} '{repository}' at {commit[:12]} "
            f"({type(error).__name__}: {first}), and it is not in the cache (HF_HOME).{said} "
            f"{instead}"
        ) from error
