"""The README as a package index shows it: relative links lead nowhere there."""

from __future__ import annotations

import os
import re
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

REPOSITORY = "SMMBENCH_REPOSITORY"
"""Address of the repository's files at the released version, for whoever uploads a release."""


def for_an_index(text: str, repository: str = "") -> str:
    """Make relative links absolute; without an address, keep their words and name the path.

    Args:
        text: The README.
        repository: Address that paths are appended to.
    """

    def replaced(match: re.Match[str]) -> str:
        picture, words, path = match.groups()
        if re.match(r"[a-z]+:|#", path):
            return match[0]
        if repository:
            return f"{picture}[{words}]({repository.rstrip('/')}/{path})"
        named = f"`{path.partition('#')[0]}` in the source distribution"
        return f"({words}: {named})" if picture else f"{words} ({named})"

    return re.sub(r"(!?)\[([^\[\]]*)\]\(([^()\s]+)\)", replaced, text)


class ReadmeHook(MetadataHookInterface):
    """Gives the long description of the distribution."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in `readme`."""
        with open(os.path.join(self.root, "README.md"), encoding="utf-8") as file:
            stated = metadata.get("urls", {}).get("Repository", "")
            text = for_an_index(file.read(), os.environ.get(REPOSITORY, stated))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
