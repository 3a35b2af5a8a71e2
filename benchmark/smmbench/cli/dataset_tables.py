"""Tables of datasets."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from smmbench.dataset import Dataset, Manifest
from smmbench.display import console, print_table


def print_list(rows: list[dict[str, Any]]) -> None:
    """Print one line per dataset; `rows` come from `summary`."""
    table = Table("dataset", "clips", "prompts", "files here", "licence", "title", box=None)
    for column in table.columns[-2:]:
        column.overflow = "fold"
    for row in rows:
        here = f"{row['files_here']} of {row['files']}"
        counts = (str(row["clips"]), str(row["prompts"]))
        table.add_row(row["name"], *counts, here, row["licence"], row["title"])
    print_table(table)


def print_dataset(dataset: Dataset, facts: dict[str, Any]) -> None:
    """Print everything that a reader of a board must know; `facts` come from `summary`."""
    out, manifest = console(), dataset.manifest
    out.print(f"{manifest.name} version {manifest.version}: {manifest.title}", style="bold")
    out.print(manifest.description)
    out.print(_facts(dataset, facts))
    print_table(_clips(manifest))
    for attribution in dict.fromkeys(clip.attribution for clip in manifest.clips):
        out.print(f"Attribution: {attribution}")


def _facts(dataset: Dataset, facts: dict[str, Any]) -> Table:
    manifest = dataset.manifest
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("licence", manifest.licence)
    for name, value in (("citation", manifest.citation), ("home", manifest.home)):
        if value:
            table.add_row(name, value)
    table.add_row("manifest in", str(dataset.root))
    table.add_row("files here", f"{facts['files_here']} of {facts['files']}")
    for key, value in facts["protocol"].items():
        table.add_row(f"protocol: {key.replace('_', ' ')}", str(value))
    table.add_row("protocol: sha256", facts["protocol_sha256"])
    for title, values in _by_clip(manifest).items():
        if len({*values}) == 1:
            table.add_row(f"{title} of every clip", values[0])
    for method in manifest.methods:
        count = sum(output.method == method.name for output in manifest.outputs)
        table.add_row("published outputs", f"{count} of {method.name}: {method.title}")
    return table


def _clips(manifest: Manifest) -> Table:
    """Return a line per edit; what all clips share stands above the table."""
    own = [title for title, values in _by_clip(manifest).items() if len({*values}) > 1]
    table = Table("clip", "edit", "target prompt", *own, box=None)
    for column in table.columns[2:]:
        column.overflow = "fold"
    for place, clip in enumerate(manifest.clips):
        name, last = clip.name, [_by_clip(manifest)[title][place] for title in own]
        for edit in clip.edits:
            table.add_row(name, edit.name, edit.prompt, *last)
            name, last = "", [""] * len(own)
    return table


def _by_clip(manifest: Manifest) -> dict[str, list[str]]:
    """Return what is stated of each clip, by its title."""
    truth = [
        ", ".join(name for name in ("tracks", "masks") if getattr(clip, name)) or "-"
        for clip in manifest.clips
    ]
    return {
        "frames": [str(clip.frames or manifest.protocol.frames) for clip in manifest.clips],
        "licence": [clip.licence for clip in manifest.clips],
        "truth": truth,
    }
