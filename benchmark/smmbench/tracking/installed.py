"""Trackers of other projects: which version of their code is installed here."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution


def installed_version(package: str) -> str:
    """Version of a distribution, with its commit where pip knows it: `3.0+82e02e8...`.

    `unknown` where nothing of that name is installed.
    """
    try:
        found = distribution(package)
    except PackageNotFoundError:
        return "unknown"
    installed_from = json.loads(found.read_text("direct_url.json") or "{}")
    commit = installed_from.get("vcs_info", {}).get("commit_id", "")
    return f"{found.version}+{commit}" if commit else found.version
