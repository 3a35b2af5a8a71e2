"""smmbench-real as a table for the documentation; a test compares the two."""

from __future__ import annotations

from smmbench.public_sets.real import Block, real_protocol

PROMPTS = 3
"""Target prompts of each clip."""


def real_table() -> str:
    """Everything that the protocol fixes, and its costs, in Markdown."""
    real = real_protocol()
    blocks = list(real.blocks.values())
    head = ("", *(f"`{name}`" for name in real.blocks))
    rows = [
        head,
        ("---",) * len(head),
        ("backbone", *(f"{of.title}: {of.model} at {of.revision[:12]}" for of in blocks)),
        ("clips", *(f"{of.frames} frames of {of.width}x{of.height}" for of in blocks)),
        ("for the board", *_same(f"{len(real.clips.board)} clips, {PROMPTS} prompts each", blocks)),
        ("for tuning", *_same(f"{len(real.clips.tuning)} other clips", blocks)),
        ("seeds", *_same(", ".join(map(str, real.seeds)), blocks)),
        ("text model", *_same(f"{real.text_model.name} ({real.text_model.sha256[:12]})", blocks)),
        ("tracker", *_same(f"{real.tracker.name}, grid {real.tracker.grid}", blocks)),
        ("disk: weights", *(f"{of.disk_gb:g} GB" for of in blocks)),
        ("disk: clips", *_same(f"about {real.clips.disk_gb:g} GB", blocks)),
        ("disk: videos of a method", *(f"at most {_videos_gb(of):.1f} GB" for of in blocks)),
        ("GPU time of a method on the board", *(_hours(of) for of in blocks)),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _same(text: str, blocks: list[Block]) -> tuple[str, ...]:
    return (text,) * len(blocks)


def _videos_gb(of: Block) -> float:
    """Size of the raw pixels, which lossless files exceed only slightly."""
    videos = PROMPTS * len(real_protocol().clips.board)
    return 3 * of.frames * of.width * of.height * videos / 1e9


def _hours(of: Block) -> str:
    clips = len(real_protocol().clips.board)
    return ", ".join(f"`{one.name}`: {one.hours(clips, PROMPTS)}" for one in of.cost)
