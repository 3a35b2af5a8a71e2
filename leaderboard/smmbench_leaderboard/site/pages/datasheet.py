"""The page of a dataset's datasheet, and the dataset's description in Croissant."""

from __future__ import annotations

from smmbench.dataset.croissant import croissant_text
from smmbench.dataset.datasheet import QUESTIONS, datasheet_of
from smmbench.storage.atomic import write_text
from smmbench_leaderboard.site.frame import SiteBoard
from smmbench_leaderboard.site.rendering import Site, write_page


def write_datasheet(to: Site, site: SiteBoard) -> None:
    """Write both if the dataset is installed; the page only if there is a datasheet."""
    if site.dataset is None or site.entry:
        return
    sheet = datasheet_of(site.dataset)
    write_text(to.folder / croissant_file(site), croissant_text(site.dataset, sheet))
    if sheet is None:
        return
    answers = [
        (question, [answer] if isinstance(answer, str) else list(answer), isinstance(answer, str))
        for field, question in QUESTIONS.items()
        for answer in [getattr(sheet, field)]
    ]
    manifest = site.dataset.manifest
    facts = {
        "here": site,
        "manifest": manifest,
        "edits": sum(len(clip.edits) for clip in manifest.clips),
        "sheet": sheet,
        "answers": answers,
        "nav": "",
        "summary": f"{manifest.title}. {manifest.description}",
    }
    write_page(to, datasheet_page(site), "datasheet.html.j2", facts)


def croissant_file(site: SiteBoard) -> str:
    """Return the path of the Croissant description of a board's dataset in the site."""
    return f"{site.key}/croissant.json"


def datasheet_page(site: SiteBoard) -> str:
    """Return the path of the datasheet's page in the site."""
    return f"{site.key}/datasheet.html"


def has_datasheet(site: SiteBoard) -> bool:
    """Return whether the dataset has a datasheet."""
    return site.dataset is not None and not site.entry and datasheet_of(site.dataset) is not None
