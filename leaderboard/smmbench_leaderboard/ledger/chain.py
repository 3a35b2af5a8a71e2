"""The chain of a ledger: entries in the order of merging, each hashed together with the last.

A submitter only adds a file, so two submitters never conflict; the person who merges seals the new
entries. Sealed entries are never edited and never removed.
"""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from smmbench.storage.atomic import remove_leftovers, write_text
from smmbench.storage.home import file_sha256

CHAIN = "chain.txt"  # one line per entry: chained hash, hash of the file, path
START = "0" * 64
KINDS = ("*.board.xz", "*.withdrawal.json", "*.correction.json", "*.tier.json")


@dataclass(frozen=True)
class Link:
    """One sealed entry: its chained hash, the hash of its file, and its path."""

    chained: str
    sha256: str
    path: str


def entries_of(folder: Path) -> list[Path]:
    """Return every entry in a ledger's folder, sorted by path."""
    return sorted(path for kind in KINDS for path in folder.rglob(kind))


def in_order(folder: Path) -> list[Path]:
    """Return every entry: sealed ones in the order of sealing, then others by path."""
    sealed = [folder / link.path for link in read_chain(folder)]
    there = entries_of(folder)
    return [*(path for path in sealed if path in there), *(p for p in there if p not in sealed)]


def read_chain(folder: Path) -> list[Link]:
    """Read the links in the order of sealing; none if nothing was sealed.

    Raises:
        ValueError: A line is malformed.
    """
    path = folder / CHAIN
    text = path.read_bytes().decode(errors="replace") if path.is_file() else ""
    lines = text.splitlines()
    parts = [line.split("  ") for line in lines]
    if any(len(part) != 3 for part in parts):
        raise ValueError(f"'{path}' has a line that is no link; see `git log` for who changed it.")
    return [Link(*part) for part in parts]


def seal(folder: Path) -> list[Link]:
    """Add new entries to the chain, sorted by path; return the new links."""
    links = read_chain(folder)
    sealed = {link.path for link in links}
    before, new = (links[-1].chained if links else START), list[Link]()
    for path in entries_of(folder):
        name = path.relative_to(folder).as_posix()
        if name not in sealed:
            before = _chained(before, file_sha256(path), name)
            new.append(Link(before, file_sha256(path), name))
    remove_leftovers(folder)  # left by a command that was killed
    text = "".join(f"{link.chained}  {link.sha256}  {link.path}\n" for link in [*links, *new])
    write_text(folder / CHAIN, text)
    return new


def faults_of(folder: Path) -> list[str]:
    """List faults of a ledger: edited, lost or unsealed entries, or a broken chain."""
    links, faults, before = read_chain(folder), list[str](), START
    for link in links:
        path = folder / link.path
        if not path.is_file():
            faults.append(f"'{link.path}' was removed; it is withdrawn by another entry.")
        elif file_sha256(path) != link.sha256:
            faults.append(f"'{link.path}' was edited; a correction is an entry of its own.")
        before = _chained(before, link.sha256, link.path)
        if link.chained != before:
            return [*faults, f"The chain is broken at '{link.path}'."]
    sealed = {link.path for link in links}
    names = [path.relative_to(folder).as_posix() for path in entries_of(folder)]
    faults += [
        f"'{name}' is not sealed: `smmbench ledger seal`." for name in names if name not in sealed
    ]
    return faults


def history_faults(folder: Path) -> tuple[list[str], str]:
    """List edits that git's history shows, and why it could not be checked, if so.

    A chain that was rewritten completely is consistent; only the history reveals it.
    """
    if _git(folder, "rev-parse", "--is-inside-work-tree") != "true":
        return [], "This is no git clone, so history was not checked."
    if _git(folder, "rev-parse", "--is-shallow-repository") != "false":
        return [], "This clone is shallow, so history was not checked: `git fetch --unshallow`."
    log = ("log", "--diff-filter=MDRT", "--no-renames", "--format=", "--name-only", "--", *KINDS)
    edited = _git(folder, *log) or ""
    faults = [
        f"'{name}' was edited or removed in history."
        for name in sorted({*edited.split("\n")} - {""})
    ]
    for commit in (_git(folder, "log", "--format=%H", "--", CHAIN) or "").split():
        earlier = _git(folder, "show", f"{commit}:./{CHAIN}") or ""
        if not (folder / CHAIN).read_text("utf-8").startswith(earlier):
            faults.append(f"The chain of commit {commit[:12]} is no beginning of today's.")
    return faults, ""


def _chained(before: str, sha256: str, path: str) -> str:
    return hashlib.sha256(f"{before} {sha256} {path}".encode()).hexdigest()


def _git(folder: Path, *words: str) -> str | None:
    """Return the output of a git command; None if it fails or git is missing."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip("\n") if done.returncode == 0 else None
