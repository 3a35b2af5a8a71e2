"""Check out a repository at one commit, without executing any of its code."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from smmbench.external.call.log import last_words
from smmbench.storage.home import file_sha256

SECONDS = 1800.0  # for one command of git


class SetupError(ValueError):
    """Official code cannot be set up; the message says why and what to do."""


def check_out(repository: str, commit: str, folder: Path) -> None:
    """Check out a commit into `folder`, atomically.

    Git runs without hooks, filters (LFS), submodules, templates or the user's configuration, over
    https or from a local folder only. Git's own hashes verify that the tree is the commit's.

    Args:
        repository: An https address or a local folder.
        commit: 40 hexadecimal digits.
        folder: It must not exist yet.

    Raises:
        SetupError: There is no such repository or commit, or the network is unavailable.
    """
    building = folder.with_name(f"{folder.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    if not repository.startswith("https://"):
        repository = str(Path(repository).expanduser().resolve())
    _git(building, "init", "--quiet", "--template=")
    try:
        _git(building, "fetch", "--quiet", "--depth=1", "--no-tags", "--", repository, commit)
    except SetupError:  # a server that provides branches only
        branches = "+refs/heads/*:refs/remotes/origin/*"
        _git(building, "fetch", "--quiet", "--no-tags", "--", repository, branches)
    try:
        _git(building, "checkout", "--quiet", "--detach", commit)
    except SetupError as error:
        raise SetupError(f"'{repository}' has no commit {commit}: {error}") from error
    found = _git(building, "rev-parse", "HEAD")
    if found != commit:
        raise SetupError(f"'{repository}' returned commit {found} instead of {commit}.")
    changed = _git(building, "status", "--porcelain")
    if changed:
        raise SetupError(f"The checkout of {commit} is not clean: {changed.splitlines()[0]}.")
    shutil.rmtree(building / ".git")
    os.replace(building, folder)


def tree_sha256(folder: Path) -> str:
    """SHA-256 of the paths, contents and executable bits of all files; links by their text."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            digest.update(f"link {name}\0{os.readlink(path)}\n".encode())
        elif path.is_file():
            run = "x" if path.stat().st_mode & 0o100 else "-"
            digest.update(f"file {run} {name}\0{file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _git(folder: Path, *words: str) -> str:
    """Run git and return what it prints."""
    safe = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "submodule.recurse=false")
    settings = [word for setting in safe for word in ("-c", setting)]
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    environment |= {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "https:file",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    try:
        ended = subprocess.run(
            ["git", *settings, *words],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
        )
    except FileNotFoundError as error:
        raise SetupError("`git` is not installed; install it.") from error
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"`git {words[0]}` took longer than {SECONDS:g} s.") from error
    if ended.returncode:
        said = last_words(ended.stderr) or "no reason given"
        raise SetupError(f"`git {words[0]}` failed: {said}")
    return ended.stdout.decode("utf-8", "replace").strip()
