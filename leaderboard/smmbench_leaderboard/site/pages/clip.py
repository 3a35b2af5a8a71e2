"""The list of clips, and the page of one clip: its source and every row's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smmbench.dataset import Clip
from smmbench_leaderboard.board.columns import MOTION, TEXT
from smmbench_leaderboard.board.types import Row
from smmbench_leaderboard.site.frame import SiteBoard
from smmbench_leaderboard.site.naming import slug
from smmbench_leaderboard.site.pair_columns import STATUSES, PairColumns, columns_of_pairs
from smmbench_leaderboard.site.rendering import Site, write_page

SHOWN = 12  # outputs per prompt that have an image; the others are listed as text


@dataclass(frozen=True)
class Output:
    """The output of one row for one prompt.

    Attributes:
        row: The row.
        seed: Seed of the output.
        text: Text similarity; None if there is none.
        motion: Motion fidelity.
        state: `done`, or why there is no video.
        preview: File of the preview; empty if there is none.
        address: Fragment of the viewer's address, after `#`.
    """

    row: Row
    seed: int
    text: float | None
    motion: float | None
    state: str
    preview: str
    address: str


@dataclass(frozen=True)
class Prompt:
    """One prompt of the clip with all outputs, the best motion first.

    Attributes:
        name: Name of the edit.
        prompt: Text of the prompt; empty if the dataset is not installed.
        kind: What the edit changes; empty if that is not stated.
        outputs: Outputs of every row that has this pair, for the first seed.
    """

    name: str
    prompt: str
    kind: str
    outputs: tuple[Output, ...]


def write_clips(to: Site, boards: Sequence[SiteBoard]) -> None:
    """Write the list of all clips, and the page of each."""
    write_page(
        to,
        "clips.html",
        "clips.html.j2",
        {
            "boards": [(site, _names(site), _about(site)) for site in boards],
            "nav": "clips",
        },
    )
    for site in boards:
        columns = {row.label: columns_of_pairs(row) for row in site.board.rows}
        known = {of.keys: {key: at for at, key in enumerate(of.keys)} for of in columns.values()}
        places = {label: known[of.keys] for label, of in columns.items()}  # most rows share one
        about = _about(site)
        for clip in _names(site):
            facts = {
                "here": site,
                "name": clip,
                "clip": about.get(clip),
                "source": site.sources.get(clip, ""),
                "prompts": list(_prompts(site, clip, columns, places)),
                "shown": SHOWN,
                "nav": "clips",
            }
            write_page(to, f"{site.key}/clips/{slug(clip)}.html", "clip.html.j2", facts)


def _names(site: SiteBoard) -> list[str]:
    return list(dict.fromkeys(key[0] for key in site.keys))


def _about(site: SiteBoard) -> dict[str, Clip]:
    return {clip.name: clip for clip in site.dataset.manifest.clips} if site.dataset else {}


def _prompts(
    site: SiteBoard,
    clip: str,
    columns: dict[str, PairColumns],
    places: dict[str, dict[tuple[str, str, int], int]],
) -> list[Prompt]:
    seeds: dict[str, int] = {}
    for name, edit, seed in site.keys:
        if name == clip:
            seeds.setdefault(edit, seed)
    about = _about(site).get(clip)
    kinds = {edit.name: edit.kind or "" for edit in about.edits} if about else {}
    found = []
    for edit, seed in seeds.items():
        outputs = []
        for row in site.board.rows:
            at = places[row.label].get((clip, edit, seed))
            if at is not None:
                outputs.append(_output(site, row, columns[row.label], at))
        outputs.sort(key=lambda one: -(one.motion if one.motion is not None else -9.0))
        prompt = site.prompt(clip, edit)
        found.append(Prompt(edit, prompt, kinds.get(edit, ""), tuple(outputs)))
    return found


def _output(site: SiteBoard, row: Row, pairs: PairColumns, at: int) -> Output:
    clip, edit, seed = pairs.keys[at]
    text, motion = (float(pairs.column(axis)[at]) for axis in (TEXT, MOTION))
    status = STATUSES[pairs.status[at]]
    pair = f"{slug(clip)}/{slug(edit)}/{seed}"
    return Output(
        row=row,
        seed=seed,
        text=text if text == text else None,
        motion=motion if motion == motion else None,
        state=pairs.failure[at] or status,
        preview=site.preview(row, at),
        address=f"board={site.key}&pair={pair}&rows={slug(row.label)}",
    )
