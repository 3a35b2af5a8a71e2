"""Download the public files of a dataset, or copy them from a folder.

A file appears under its name only once its SHA-256 is verified, so an interrupted run can be
resumed.
"""

from __future__ import annotations

import hashlib
import http.client
import shutil
import urllib.error
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Literal
from urllib.request import HTTPRedirectHandler, Request, build_opener

from smmbench import __version__
from smmbench.dataset import Dataset, File, files_of, stored_path
from smmbench.errors import raise_if_machine
from smmbench.storage.atomic import atomic_path
from smmbench.storage.home import file_sha256

SIZE_LIMIT = 2 * 1024**3  # bytes of one file; no clip of a benchmark comes near it
TIMEOUT = 60  # seconds without an answer
CHUNK = 1024**2  # bytes read at a time

Open = Callable[[str], BufferedIOBase]


class FetchError(ValueError):
    """Error for a file that cannot be obtained; the message says why."""


@dataclass(frozen=True)
class Fetched:
    """Outcome for one file.

    Attributes:
        file: The file's entry in the manifest.
        state: `here` if it already existed, `fetched` now, or `failed`.
        message: Why it failed; empty otherwise.
    """

    file: File
    state: Literal["here", "fetched", "failed"]
    message: str = ""


def public_files(dataset: Dataset) -> list[File]:
    """Return the files of the dataset that have an address, each once."""
    return list({file.path: file for file in files_of(dataset.manifest) if file.url}.values())


def fetch_dataset(
    dataset: Dataset, source: Path | None = None, open_url: Open | None = None
) -> Iterator[Fetched]:
    """Fetch every public file of a dataset, one after the other.

    Valid existing files are kept, and invalid ones are replaced. If one file cannot be obtained,
    the others are still fetched.

    Args:
        dataset: The dataset; its files go to `home()/datasets/<name>`.
        source: A folder to copy from instead of downloading. A file is searched at its path in the
            dataset, then at the path of its address (for a copy of the web site).
        open_url: Opens an address for reading; by default over https and nothing else.

    Raises:
        ValueError: `source` is not a folder.
        OSError: The disk is full, read-only or broken: every file would fail.
    """
    if source is not None and not source.is_dir():
        raise ValueError(f"No folder '{source}' to copy from.")
    for file in public_files(dataset):
        try:
            path = stored_path(dataset, file)
            if path.is_file() and file_sha256(path) == file.sha256:
                yield Fetched(file, "here")
                continue
            if source is not None:
                _copy(file, source, path)
            else:
                _download(file, path, open_url or open_https)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise_if_machine(error)
            yield Fetched(file, "failed", str(error) or type(error).__name__)
        else:
            yield Fetched(file, "fetched")


def open_https(url: str) -> BufferedIOBase:
    """Open an https address; a redirection to any other scheme is refused.

    Raises:
        FetchError: The address, or one that it leads to, is not https.
        OSError: There is no answer, or the file is not there.
    """
    if not url.startswith("https://"):
        raise FetchError(f"'{url}' is not an https address.")
    request = Request(url, headers={"User-Agent": f"smmbench/{__version__}"})
    answer: BufferedIOBase = build_opener(_OnlyHttps).open(request, timeout=TIMEOUT)
    return answer


class _OnlyHttps(HTTPRedirectHandler):
    """Redirection handler that follows https addresses only."""

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """Return the next request, as the base class does, or refuse."""
        if not newurl.startswith("https://"):
            raise FetchError(f"'{req.full_url}' redirects to '{newurl}', which is not https.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _download(file: File, path: Path, open_url: Open) -> None:
    try:
        with open_url(file.url) as answer, atomic_path(path) as temporary:
            found = _save(answer, temporary)
            _must_be(file, found, file.url)
    except urllib.error.HTTPError as error:
        raise FetchError(f"'{file.url}' answers {error.code} {error.reason}.") from error
    except urllib.error.URLError as error:
        raise FetchError(f"'{file.url}' cannot be reached: {error.reason}.") from error


def _copy(file: File, source: Path, path: Path) -> None:
    places = [source / file.path, source / urllib.parse.urlsplit(file.url).path.lstrip("/")]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise FetchError(f"'{file.path}' is not in '{source}'.")
    with atomic_path(path) as temporary:
        shutil.copyfile(found, temporary)
        _must_be(file, file_sha256(temporary), str(found))


def _save(answer: BufferedIOBase, path: Path) -> str:
    """Write the response to a file and return its SHA-256."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as out:
        while chunk := answer.read(CHUNK):
            size += len(chunk)
            if size > SIZE_LIMIT:
                raise FetchError(
                    f"The file is larger than {SIZE_LIMIT} bytes and was not downloaded."
                )
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def _must_be(file: File, sha256: str, origin: str) -> None:
    if sha256 != file.sha256:
        raise FetchError(
            f"'{origin}' is not the file that the manifest means: its SHA-256 is {sha256}, "
            f"expected {file.sha256}. It was not kept."
        )
