"""The chain of a ledger: entries in the order in which they were merged, each hashed with the last.

A submitter adds a file and touches nothing else, so that two submitters do not collide; whoever
merges seals what is new. Sealed entries are never edited and never removed.
"""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from smmbench.storage.atomic import remove_leftovers, write_text
from smmbench.storage.home import file_sha256

CHAIN = "chain.txt"  # a line an entry: chained hash, hash of the file, path
START = "0" * 64
KINDS = ("*.board.xz", "*.withdrawal.json", "*.correction.json", "*.tier.json")


@dataclass(frozen=True)
class Link:
    """One sealed entry: the hash of all before it with its own, its own, and where it lies."""

    chained: str
    sha256: str
    path: str


def entries_of(folder: Path) -> list[Path]:
    """Every entry below a ledger's folder, by path."""
    return sorted(path for kind in KINDS for path in folder.rglob(kind))


def in_order(folder: Path) -> list[Path]:
    """Every entry, the sealed ones first in the order of their sealing, then others by path."""
    sealed = [folder / link.path for link in read_chain(folder)]
    there = entries_of(folder)
    return [*(path for path in sealed if path in there), *(p for p in there if p not in sealed)]


def read_chain(folder: Path) -> list[Link]:
    """Links in the order of their sealing; none where nothing was sealed.

    Raises:
        ValueError: A line is not of that form.
    """
    path = folder / CHAIN
    text = path.read_bytes().decode(errors="replace") if path.is_file() else ""
    lines = text.splitlines()
    parts = [line.split("  ") for line in lines]
    if any(len(part) != 3 for part in parts):
        raise ValueError(f"'{path}' has a line that is no link; see `git log` for who changed it.")
    return [Link(*part) for part in parts]


def seal(folder: Path) -> list[Link]:
    """Add what is new to the chain, by path; give the new links."""
    links = read_chain(folder)
    sealed = {link.path for link in links}
    before, new = (links[-1].chained if links else START), list[Link]()
    for path in entries_of(folder):
        name = path.relative_to(folder).as_posix()
        if name not in sealed:
            before = _chained(before, file_sha256(path), name)
            new.append(Link(before, file_sha256(path), name))
    remove_leftovers(folder)  # of a command that was killed
    text = "".join(f"{link.chained}  {link.sha256}  {link.path}\n" for link in [*links, *new])
    write_text(folder / CHAIN, text)
    return new


def faults_of(folder: Path) -> list[str]:
    """What is wrong with a ledger, a sentence each: edited, lost or unsealed entries, the chain."""
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
    """What git's history shows of edits: faults, and why it was not asked, or nothing.

    A chain that is written anew as a whole is sound; history shows it.
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
    """Output of a git command; None where it fails, or there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip("\n") if done.returncode == 0 else None
