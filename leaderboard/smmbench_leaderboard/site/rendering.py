"""Templates: all text is escaped, and characters that move or hide others are made visible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from smmbench import __version__
from smmbench.display import plain
from smmbench.storage.atomic import write_text
from smmbench_leaderboard.formats.table import number, rank_text
from smmbench_leaderboard.site.figures import (
    device_text,
    interval_text,
    seconds_text,
    share_text,
    short,
)
from smmbench_leaderboard.site.naming import slug
from smmbench_leaderboard.site.templating import templates_of

NAME, SENTENCE = 120, 1000  # characters
SUMMARY = (
    "Text-driven video motion transfer: methods, scores and videos, with intervals and controls."
)
"""Description of a page for link previews, if the page has no other."""


@cache
def environment() -> Environment:
    """Return the environment of all templates."""
    made = templates_of("smmbench_leaderboard.site")
    made.filters |= {
        "shown": lambda text: plain(str(text), NAME),
        "sentence": lambda text: plain(str(text), SENTENCE),
        "coded": coded,
        "share": share_text,
        "slug": slug,
        "number": number,
        "short": short,
        "rank": rank_text,
        "interval": interval_text,
        "seconds": seconds_text,
        "device": device_text,
        "axis": lambda value: f"{value:.2f}".rstrip("0").rstrip(".").replace("0.", ".", 1) or "0",
    }
    return made


def coded(text: str) -> Markup:
    """Escape a sentence, and set what stands between backticks as code."""
    parts = plain(text, SENTENCE).split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner is text
        return escape("`".join(parts))
    pieces = (
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )
    return Markup("").join(pieces)


@dataclass(frozen=True)
class Site:
    """What all pages of a site have in common.

    Attributes:
        folder: Folder of the site.
        media: Whether there is a viewer of pairs.
        ledger: Whether there is a list of entries.
        address: Where the site will be published, ending with `/`; empty if unknown.
        card: Path of the image for link previews.
        pairs: Whether files of every pair stand beside the pages.
    """

    folder: Path
    media: bool = False
    ledger: bool = False
    address: str = ""
    card: str = ""
    pairs: bool = True


def write_page(site: Site, page: str, template: str, facts: Mapping[str, Any]) -> None:
    """Write one page.

    Args:
        site: The site.
        page: Path of the page in the site; links in the template start from the site's folder.
        template: Name of the template.
        facts: What the template shows.
    """
    path = site.folder / page
    path.parent.mkdir(parents=True, exist_ok=True)
    root = "../" * page.count("/")
    everywhere = {
        "media": site.media,
        "ledger": site.ledger,
        "version": __version__,
        "address": site.address,
        "card": site.card,
        "summary": SUMMARY,
        "pairs_files": site.pairs,
    }
    about = {"root": root, "page": page} | everywhere | dict(facts)
    text = environment().get_template(template).render(about)
    write_text(path, text)
