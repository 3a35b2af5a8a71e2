"""Fetched files are correct or absent, and fetching again resumes."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import pytest

from smmbench.dataset import Dataset, clip_named, fetching, load_dataset, source_video, stored_path
from smmbench.dataset.fetching import FetchError, fetch_dataset, open_https, public_files
from smmbench.storage.home import home

ADDRESS = "https://example.org/page/"


@pytest.fixture
def public(square_dataset: Path) -> tuple[Dataset, dict[str, bytes]]:
    """The squares as a dataset of public files, and the site that has them."""
    text = square_dataset.read_text(encoding="utf-8")
    for name in ("right", "left"):
        text = text.replace(
            f'path = "{name}.mkv",', f'path = "clips/{name}.mkv", url = "{ADDRESS}{name}.mkv",'
        )
    square_dataset.write_text(text, encoding="utf-8")
    site = {
        f"{ADDRESS}{path.name}": path.read_bytes() for path in square_dataset.parent.glob("*.mkv")
    }
    return load_dataset(square_dataset), site


def states(found: list[fetching.Fetched]) -> list[str]:
    return [one.state for one in found]


def kept(dataset: Dataset) -> list[str]:
    folder = home() / "datasets" / dataset.manifest.name
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_files_are_fetched_once(public: tuple[Dataset, dict[str, bytes]]) -> None:
    dataset, site = public
    asked: list[str] = []

    def open_url(url: str) -> io.BufferedIOBase:
        asked.append(url)
        return io.BytesIO(site[url])

    assert states(list(fetch_dataset(dataset, open_url=open_url))) == ["fetched", "fetched"]
    assert states(list(fetch_dataset(dataset, open_url=open_url))) == ["here", "here"]
    assert sorted(asked) == sorted(site)
    assert kept(dataset) == ["left.mkv", "right.mkv"]
    clip = clip_named(dataset, "left")
    assert source_video(dataset, clip).pixels_sha256 == clip.pixels_sha256


def test_a_wrong_file_is_not_kept_and_the_others_come(
    public: tuple[Dataset, dict[str, bytes]],
) -> None:
    dataset, site = public
    broken = {**site, f"{ADDRESS}right.mkv": b"an error page"}
    found = list(fetch_dataset(dataset, open_url=lambda url: io.BytesIO(broken[url])))
    assert states(found) == ["failed", "fetched"]
    assert "is not the file that the manifest means" in found[0].message
    assert kept(dataset) == ["left.mkv"]
    again = list(fetch_dataset(dataset, open_url=lambda url: io.BytesIO(site[url])))
    assert states(again) == ["fetched", "here"]


def test_a_cut_line_leaves_nothing_behind(public: tuple[Dataset, dict[str, bytes]]) -> None:
    dataset, site = public

    class Cut(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise ConnectionResetError("the line was cut")
            return super().read(10)

    found = list(fetch_dataset(dataset, open_url=lambda url: Cut(site[url])))
    assert [one.message for one in found] == ["the line was cut"] * 2
    assert kept(dataset) == []


def test_a_changed_file_is_fetched_again(public: tuple[Dataset, dict[str, bytes]]) -> None:
    dataset, site = public
    path = stored_path(dataset, dataset.manifest.clips[0].video)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half of it")
    found = list(fetch_dataset(dataset, open_url=lambda url: io.BytesIO(site[url])))
    assert states(found) == ["fetched", "fetched"]
    assert path.read_bytes() == site[f"{ADDRESS}right.mkv"]


def test_an_endless_file_is_left_there(
    public: tuple[Dataset, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, site = public
    monkeypatch.setattr(fetching, "SIZE_LIMIT", 100)
    found = list(fetch_dataset(dataset, open_url=lambda url: io.BytesIO(site[url])))
    assert all("larger than 100 bytes" in one.message for one in found)
    assert kept(dataset) == []


def test_what_the_server_says_is_told(public: tuple[Dataset, dict[str, bytes]]) -> None:
    dataset, _ = public

    def gone(url: str) -> io.BufferedIOBase:
        raise urllib.error.HTTPError(url, 404, "Not Found", Message(), None)

    def away(url: str) -> io.BufferedIOBase:
        raise urllib.error.URLError("no route to host")

    assert next(fetch_dataset(dataset, open_url=gone)).message == (
        f"'{ADDRESS}right.mkv' answers 404 Not Found."
    )
    message = next(fetch_dataset(dataset, open_url=away)).message
    assert message == f"'{ADDRESS}right.mkv' cannot be reached: no route to host."


def test_files_are_copied_from_a_folder_by_either_path(
    public: tuple[Dataset, dict[str, bytes]], tmp_path: Path
) -> None:
    dataset, site = public
    source = tmp_path / "copy"
    (source / "clips").mkdir(parents=True)
    (source / "page").mkdir()
    (source / "clips" / "right.mkv").write_bytes(site[f"{ADDRESS}right.mkv"])
    found = list(fetch_dataset(dataset, source))
    assert states(found) == ["fetched", "failed"]
    assert "'clips/left.mkv' is not in" in found[1].message
    (source / "page" / "left.mkv").write_bytes(site[f"{ADDRESS}left.mkv"])  # as on the site
    assert states(list(fetch_dataset(dataset, source))) == ["here", "fetched"]
    with pytest.raises(ValueError, match=r"No folder '.*none' to copy from"):
        list(fetch_dataset(dataset, tmp_path / "none"))


def test_only_https_is_opened_or_followed() -> None:
    with pytest.raises(FetchError, match="not an https address"):
        open_https("file:///etc/passwd")
    request = urllib.request.Request("https://a.b/c")
    with pytest.raises(FetchError, match=r"redirects to 'http://a\.b/d', which is not https"):
        fetching._OnlyHttps().redirect_request(
            request, io.BytesIO(), 302, "Found", Message(), "http://a.b/d"
        )


def test_shipped_files_are_never_asked_for(square_dataset: Path) -> None:
    assert public_files(load_dataset(square_dataset)) == []


def test_the_command_line_fetches_from_a_folder(
    public: tuple[Dataset, dict[str, bytes]],
    square_dataset: Path,
    smmbench: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "right.mkv").write_bytes(public[1][f"{ADDRESS}right.mkv"])
    command = ("datasets", "fetch", square_dataset, "--from", tmp_path)
    code, out, err = smmbench(*command)
    assert code == 1
    assert "clips/left.mkv: 'clips/left.mkv' is not in" in out
    assert "1 fetched, 0 already here, 1 failed." in out
    assert "[2/2] clips/left.mkv" in err
    (tmp_path / "page" / "left.mkv").write_bytes(public[1][f"{ADDRESS}left.mkv"])
    code, out, _ = smmbench(*command, "--json")
    assert code == 0
    assert [row["state"] for row in json.loads(out)] == ["here", "fetched"]
