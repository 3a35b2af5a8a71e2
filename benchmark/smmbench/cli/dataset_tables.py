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
    table.add_row("citation", manifest.citation)
    table.add_row("home", manifest.home)
    table.add_row("manifest in", str(dataset.root))
    table.add_row("files here", f"{facts['files_here']} of {facts['files']}")
    for key, value in facts["protocol"].items():
        table.add_row(f"protocol: {key.replace('_', ' ')}", str(value))
    table.add_row("protocol: sha256", facts["protocol_sha256"])
    for method in manifest.methods:
        count = sum(output.method == method.name for output in manifest.outputs)
        table.add_row("published outputs", f"{count} of {method.name}: {method.title}")
    return table


def _clips(manifest: Manifest) -> Table:
    table = Table("clip", "frames", "edit", "target prompt", "licence", "truth", box=None)
    for column in table.columns[3:]:
        column.overflow = "fold"
    for clip in manifest.clips:
        truth = [name for name in ("tracks", "masks") if getattr(clip, name)]
        first = (clip.name, str(clip.frames or manifest.protocol.frames))
        last = (clip.licence, ", ".join(truth) or "-")
        for edit in clip.edits:
            table.add_row(*first, edit.name, edit.prompt, *last)
            first, last = ("", ""), ("", "")
    return table
