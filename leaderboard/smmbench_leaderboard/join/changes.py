"""Read which announcements a change adds from git, as data, without checking it out."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from smmbench.display import plain
from smmbench_leaderboard.join.announcement import LARGEST_FILE
from smmbench_leaderboard.join.terms import FOLDER

MOST = 10  # maximum number of announcements in one change
FILE = "100644"  # git's mode of a regular file that is not executable


class ChangeError(ValueError):
    """A change is not a valid submission; the message has one sentence per fault."""


@dataclass(frozen=True)
class Change:
    """The announcements that a change adds and removes.

    Attributes:
        added: Content by name, such as `my-method.toml`.
        removed: Names of removed announcements.
    """

    added: dict[str, bytes]
    removed: tuple[str, ...]


def read_change(repository: Path, base: str, head: str, alone: bool) -> Change:
    """Read what a change adds to the announcements.

    Args:
        repository: A clone that has both commits.
        base: Commit that the change is to be merged into.
        head: Commit of the change.
        alone: Reject a change that touches anything else, or more than one announcement.

    Raises:
        ChangeError: The change is not a valid submission.
        ValueError: There is no such commit.
    """
    start = _git(repository, "merge-base", _commit(repository, base), _commit(repository, head))
    raw = _git(
        repository, "diff", "--raw", "-z", "--no-renames", "--no-abbrev",
        start.decode().strip(), _commit(repository, head),
    )  # fmt: skip
    fields = raw.decode(errors="replace").split("\0")
    added, removed, faults = dict[str, bytes](), [], []
    for about, name in zip(fields[::2], fields[1::2], strict=False):
        _, mode, _, blob, status = about.split(" ")
        path = PurePosixPath(name)
        if str(path.parent) != FOLDER or path.suffix != ".toml":
            if alone:
                faults.append(
                    f"It touches '{plain(name, 120)}': a submission adds one file in {FOLDER}, and "
                    "nothing else. Put other changes into a separate pull request."
                )
        elif status == "D":
            removed.append(path.name)
        elif status != "A":
            faults.append(
                f"It edits '{plain(name, 120)}': merged files are not edited; another submission "
                "needs another file."
            )
        elif mode != FILE:
            faults.append(f"'{plain(name, 120)}' is no regular file (mode {mode}).")
        elif int(_git(repository, "cat-file", "-s", blob)) > LARGEST_FILE:
            faults.append(f"'{plain(name, 120)}' has more than {LARGEST_FILE} bytes.")
        else:
            added[path.name] = _git(repository, "cat-file", "blob", blob)
    if len(added) + len(removed) > (1 if alone else MOST):
        faults.append(f"It has {len(added) + len(removed)} announcements; one at a time is taken.")
    if faults:
        raise ChangeError("\n".join(faults[:20]))
    return Change(added, tuple(removed))


def _commit(repository: Path, name: str) -> str:
    """Return the hash of a commit; a name that begins with '-' is not read as an option."""
    try:
        text = _git(repository, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    except ValueError as error:
        raise ValueError(f"'{repository}' has no commit '{plain(name, 100)}'.") from error
    return text.decode().strip()


def _git(repository: Path, *words: str) -> bytes:
    done = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, check=False)
    if done.returncode:
        said = plain(done.stderr.decode(errors="replace"), 300)
        raise ValueError(f"git {words[0]}: {said}")
    return done.stdout
