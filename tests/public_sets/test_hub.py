"""Sets of the hub, offline: out of a cache that was filled by hand. Nothing is downloaded here."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.builders.public_sets import COPIES

from smmbench.public_sets import PUBLIC_SETS
from smmbench.public_sets.hub import fetch_set

CommandLine = Callable[..., tuple[int, str, str]]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, which is out of reach."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "hub"


def cached(cache: Path, repository: str, content: Path, commit: str) -> Path:
    """Put a folder into the cache as the hub's library lays it: blobs, and links to them."""
    place = cache / f"datasets--{repository.replace('/', '--')}"
    snapshot = place / "snapshots" / commit
    (place / "blobs").mkdir(parents=True)
    for number, path in enumerate(sorted(content.rglob("*"))):
        if path.is_file():
            blob = place / "blobs" / str(number)
            shutil.copyfile(path, blob)
            link = snapshot / path.relative_to(content)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(blob)
    return snapshot


def test_a_cached_set_is_linked_unpacked_and_imported(
    cache: Path, tmp_path: Path, smmbench: CommandLine
) -> None:
    known, copy = PUBLIC_SETS["movebench"], COPIES["movebench"](tmp_path / "made")
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "README.md").write_text("card")
    (packed / ".gitattributes").write_text("x")
    with tarfile.open(packed / "en.tar.gz", "w:gz") as archive:
        archive.add(copy / "en", "en")
    cached(cache, known.hub, packed, known.revision)
    target = tmp_path / "MoveBench"
    small = ("--size", "48x32", "--text-model", "emoji-clip")
    code, _, err = smmbench("datasets", "import", "movebench", target, "--hub", *small)
    assert code == 0, err
    assert known.revision in err
    assert (target / "README.md").is_symlink() and not (target / ".gitattributes").exists()
    assert not (target / "en").is_symlink() and not list(target.glob(".tmp-*"))
    code, out, _ = smmbench("datasets", "check", target / "movebench-own.toml")
    assert code == 0, out


def test_archives_without_a_folder_of_their_own_get_one(cache: Path, tmp_path: Path) -> None:
    known, copy = PUBLIC_SETS["five"], COPIES["five"](tmp_path / "made")
    packed = tmp_path / "packed"
    shutil.copytree(copy / "edit_prompt", packed / "edit_prompt")
    for part, inside in (("images", "images"), ("bmasks", "")):
        with zipfile.ZipFile(packed / f"{part}.zip", "w") as archive:
            for path in sorted((copy / part).rglob("*.jpg")):
                archive.write(path, Path(inside) / path.relative_to(copy / part))
    cached(cache, known.hub, packed, COMMIT)
    target = tmp_path / "five"
    fetch_set(known, target, COMMIT)
    for part in ("images", "bmasks"):
        assert (target / part / "0001_kite" / "00001.jpg").is_file()
    (entry,) = known.read(target, None).values()
    assert entry.place.masks == target / "bmasks" / "0001_kite"
    (target / "images" / "mark").touch()
    fetch_set(known, target, COMMIT)  # what is there stays
    assert (target / "images" / "mark").exists()


def test_a_set_without_a_known_commit_asks_for_one(tmp_path: Path) -> None:
    for revision in ("", "main", "0123abc"):
        with pytest.raises(ValueError, match="--revision COMMIT"):
            fetch_set(PUBLIC_SETS["mtbench"], tmp_path / "x", revision)
    with pytest.raises(ValueError, match="not on the hub"):
        fetch_set(PUBLIC_SETS["ditflow"], tmp_path / "x", COMMIT)


def test_what_is_not_in_the_cache_is_told(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"HF_HUB_OFFLINE is set\. Name a folder"):
        fetch_set(PUBLIC_SETS["mtbench"], tmp_path / "x", COMMIT)


@pytest.mark.parametrize("kind", ["up", "link"])
def test_an_archive_that_leads_out_is_refused(cache: Path, tmp_path: Path, kind: str) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    with tarfile.open(packed / "en.tar", "w") as archive:
        info = tarfile.TarInfo("../out.txt" if kind == "up" else "en/out")
        if kind == "link":
            info.type, info.linkname = tarfile.SYMTYPE, "../../../out.txt"
        else:
            info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    cached(cache, PUBLIC_SETS["movebench"].hub, packed, COMMIT)
    with pytest.raises(ValueError, match="cannot be unpacked"):
        fetch_set(PUBLIC_SETS["movebench"], tmp_path / "target", COMMIT)
    assert not (tmp_path / "out.txt").exists() and not list((tmp_path / "target").glob("*"))
