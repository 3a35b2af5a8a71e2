"""An announcement: a small TOML file, added by pull request, with the address of a submission.

The archive itself is never part of the repository. The announcement is checked against the
downloaded file and against the method card in the archive.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError

from smmbench.dataset.faults import faults_of
from smmbench.dataset.manifest import NAME_PATTERN
from smmbench.display import plain
from smmbench.display.escaping import hidden
from smmbench.results import Stored
from smmbench.storage.atomic import write_text
from smmbench.storage.strict_json import JsonLimits, UnsafeJsonError, read_bounded
from smmbench_leaderboard.join.terms import AGREEMENT

SCHEMA_VERSION: Literal[1] = 1
LARGEST_FILE = 16 << 10  # bytes of an announcement
LARGEST_ARCHIVE = 8 << 30  # bytes; the machine that verifies must have room for it
LONGEST_ADDRESS = 2000


_NAME = re.compile(NAME_PATTERN)


class AnnouncementError(ValueError):
    """An announcement cannot be used.

    Attributes:
        faults: One sentence per fault.
    """

    def __init__(self, file: str, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{file}: {fault}" for fault in faults))


def _address(text: str) -> str:
    if fault := address_fault(text):
        raise ValueError(fault)
    return text


def _agreed(text: str) -> str:
    if text != AGREEMENT:
        raise ValueError(f"must be, word for word: {AGREEMENT}")
    return text


def _seen(text: str) -> str:
    if any(hidden(sign) for sign in text) or text.strip() != text:
        raise ValueError("has invisible characters, or spaces at an end")
    return text


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


class Announcement(Stored):
    """Content of an announcement.

    Attributes:
        schema_version: Version of this schema.
        method: Label of the method, as in the archive.
        dataset: Name of the dataset, as in the archive.
        archive: Address of the archive that `smmbench submit` made; https only.
        size: Bytes of the archive; no more is downloaded.
        sha256: SHA-256 of the archive.
        contact: Contact, as on the method card in the archive.
        agreement: `AGREEMENT`, word for word.
    """

    schema_version: Literal[1]
    method: Name
    dataset: Name
    archive: Annotated[str, Field(max_length=LONGEST_ADDRESS), AfterValidator(_address)]
    size: Annotated[int, Field(ge=1, le=LARGEST_ARCHIVE)]
    sha256: Sha256
    contact: Annotated[str, Field(min_length=3, max_length=200), AfterValidator(_seen)]
    agreement: Annotated[str, AfterValidator(_agreed)]


def address_fault(address: str, loopback: bool = False) -> str:
    """Return why an address, or one that it redirects to, is not allowed; empty if it is.

    Args:
        address: The address.
        loopback: Also allow `http://127.0.0.1:PORT/...`, for authors who test a submission.
    """
    if not address.isascii() or re.search(r"[\s\x00-\x1f\\]", address):
        return "an address consists of visible ASCII characters without spaces"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        return f"is not an address: {error}"
    if loopback and parts.scheme == "http" and host == "127.0.0.1":
        return ""
    if parts.scheme != "https":
        return "must begin with https://"
    if not host or port == 0:
        return "names no host"
    if "@" in parts.netloc:
        return "must hold no user name or password: it is public"
    if parts.fragment:
        return "must have no part after '#'"
    return ""


def read_announcement(path: Path, loopback: bool = False) -> Announcement:
    """Read and check an announcement; nothing is downloaded.

    Args:
        path: The file; its name before `.toml` is the submission's.
        loopback: As in `address_fault`.

    Raises:
        AnnouncementError: The announcement has faults; the message has a sentence for each.
        OSError: The file cannot be read.
    """
    faults = [] if path.suffix == ".toml" and _NAME.fullmatch(path.stem) else [_misnamed(path.name)]
    try:
        text = read_bounded(path, JsonLimits(size=LARGEST_FILE)).decode()
        content = tomllib.loads(text)
        if loopback and not address_fault(str(content.get("archive", "")), loopback=True):
            # The schema knows nothing of them: what is published never names this machine.
            local = str(content["archive"])
            checked = _checked(content | {"archive": "https://placeholder"})
            found = checked.model_copy(update={"archive": local})
        else:
            found = _checked(content)
    except UnsafeJsonError as error:
        raise AnnouncementError(str(path), [*faults, f"{error}."]) from error
    except UnicodeDecodeError as error:
        raise AnnouncementError(str(path), [*faults, "it is not UTF-8 text."]) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:  # the second: lists in lists
        raise AnnouncementError(str(path), [*faults, f"it is not TOML: {error}."]) from error
    except ValidationError as error:
        wrong = [plain(fault, 400) for fault in faults_of(error, Announcement)]
        raise AnnouncementError(str(path), [*faults, *wrong]) from error
    if faults:
        raise AnnouncementError(str(path), faults)
    return found


def _checked(content: dict[str, Any]) -> Announcement:
    return Announcement.model_validate(content, strict=True)


def write_announcement(path: Path, announcement: Announcement) -> None:
    """Write an announcement as TOML.

    Raises:
        ValueError: The name is invalid, or the file already exists.
    """
    if path.suffix != ".toml" or not _NAME.fullmatch(path.stem):
        raise ValueError(_misnamed(path.name))
    if path.exists():
        raise ValueError(f"'{path}' already exists; use another name for another submission.")
    path.parent.mkdir(parents=True, exist_ok=True)
    values = announcement.model_dump()
    lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
    write_text(path, "\n".join(lines) + "\n")


def _toml(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _misnamed(name: str) -> str:
    return (
        f"'{plain(name, 100)}' is not a valid name of an announcement: use a-z, 0-9, '.', '_' and "
        "'-', at most 64 of them, starting with a letter or digit, followed by .toml."
    )
