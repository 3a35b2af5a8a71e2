"""Get a public set from the hub: at a fixed commit, linked from its cache and unpacked."""

from __future__ import annotations

import re
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path

from smmbench.public_sets.public_set import PublicSet
from smmbench.storage.hub_snapshot import is_commit, snapshot

UNPACKED_LIMIT = 200 * 2**30
"""Maximum unpacked size of one archive, in bytes."""


def fetch_set(known: PublicSet, folder: Path, revision: str = "") -> Path:
    """Fetch a set from the hub, or from its cache, into a folder; existing files are kept.

    Files are links into the hub's cache (`HF_HOME`), so that nothing is stored twice; archives are
    unpacked next to them. With `HF_HUB_OFFLINE=1` only the cache is used.

    Args:
        known: The set.
        folder: Target folder, which is created.
        revision: A commit on the hub; empty for the set's default.

    Returns:
        The folder of the hub's cache.

    Raises:
        ValueError: The set is not on the hub, or the revision is not a commit.
        LookupError: The hub does not provide it, and it is not in the cache.
    """
    if not known.hub:
        raise ValueError(f"{known.about.title} is not on the hub: see {known.about.home}.")
    revision = revision or known.revision
    if not is_commit(revision):
        raise ValueError(
            f"'{known.hub}' needs a fixed revision: --revision COMMIT, 40 hexadecimal "
            f"digits, as https://huggingface.co/datasets/{known.hub}/commits/main lists them; got "
            f"'{revision}'."
        )
    instead = "Name a folder with your copy instead of --hub."
    fetched = snapshot(known.hub, revision, instead, kind="dataset")
    for path in sorted(fetched.rglob("*")):
        place = folder / path.relative_to(fetched)
        if not path.is_file() or any(part.startswith(".") for part in place.parts[-2:]):
            continue
        if stem := _archive_stem(path):
            _unpack(path, place.parent / stem)
        elif not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            _link(path, place)
    return fetched


def _archive_stem(path: Path) -> str:
    """Name of an archive without its extension; empty for any other file."""
    match = re.fullmatch(r"(.+?)(\.zip|\.tar|\.tar\.gz|\.tgz)", path.name, re.IGNORECASE)
    return match[1] if match else ""


def _unpack(archive: Path, target: Path) -> None:
    """Unpack atomically into a new folder; an existing folder is kept.

    The standard library rejects or skips names and links that lead out of the folder, and devices.
    """
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".tmp-"))
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                _within(sum(one.file_size for one in opened.infolist()), archive)
                opened.extractall(temporary)
        else:
            with tarfile.open(archive) as packed:
                _within(sum(one.size for one in packed), archive)
                packed.extractall(temporary, filter="data")
        inner = [path for path in temporary.iterdir() if path.name != "__MACOSX"]
        alone = len(inner) == 1 and inner[0].name == target.name and inner[0].is_dir()
        (inner[0] if alone else temporary).rename(target)
    except (tarfile.TarError, zipfile.BadZipFile) as error:
        raise ValueError(f"'{archive}' cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _within(size: int, archive: Path) -> None:
    if size > UNPACKED_LIMIT:
        raise ValueError(f"'{archive}' unpacks to {size} bytes; the limit is {UNPACKED_LIMIT}.")


def _link(path: Path, place: Path) -> None:
    try:
        place.symlink_to(path.resolve())
    except OSError:  # a system or disk without links
        shutil.copyfile(path, place)
