"""SimMotion, triplets of clips by motion (Huberman et al., SemanticMoments, CVPR Findings 2026).

Each triplet has a reference, a clip with the same motion and a different appearance, and a clip
with a similar appearance and a different motion. The set has no captions and does not test methods:
it tests metrics. The reference becomes a source, and the others become published outputs of two
methods, `positive` and `negative`, so that `smmbench compare` shows how often a metric prefers the
positive.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from smmbench.dataset.manifest import Published
from smmbench.dataset.prompt_files import Asked
from smmbench.dataset.writing import About, Place
from smmbench.public_sets.public_set import Entry, PublicSet, named_once, no_copy

CATEGORIES = ("static_object", "dynamic_attribute", "dynamic_object", "view", "scene_style")
"""Folders of the synthetic part; the real one has `examples`."""
EDIT = "motion"
PROMPT = "a clip of the same motion"
ROLES = ("positive", "negative")


def read(folder: Path, prompts: Path | None = None) -> dict[str, Entry]:
    """Find the triplets of a copy of the real part, the synthetic part, or both side by side.

    Raises:
        ValueError: It is not a copy of the set, or a triplet is incomplete; the message names it.
    """
    found = []
    for category, triplet in _triplets(folder):
        files = {role: triplet / f"{role}.mp4" for role in ("ref", *ROLES)}
        if lacking := [path.name for path in files.values() if not path.is_file()]:
            raise ValueError(f"'{triplet}' has no {', '.join(lacking)}.")
        outputs = {(role, EDIT): files[role] for role in ROLES}
        asked = Asked(edits={EDIT: PROMPT}, tags=(category.replace("_", "-"),))
        name = f"{category}-{triplet.name}"
        found.append((name, Entry(asked, Place(files["ref"], outputs=outputs))))
    if not found:
        raise no_copy(folder, SIMMOTION.about.title, "examples", SIMMOTION.layout)
    return named_once(found, folder)


def _triplets(folder: Path) -> Iterator[tuple[str, Path]]:
    """Folders of triplets with their category."""
    for part in (folder, *sorted(path for path in folder.glob("SimMotion*") if path.is_dir())):
        for name in ("examples", *CATEGORIES):
            for triplet in sorted((part / name).glob("*"), key=_number):
                if triplet.is_dir() and not triplet.name.startswith("."):
                    yield "real" if name == "examples" else name, triplet


def _number(path: Path) -> tuple[int, str]:
    """Sort key that puts `example_10` after `example_9`."""
    last = path.name.rpartition("_")[2]
    return (int(last) if last.isdecimal() else 0, path.name)


SIMMOTION = PublicSet(
    about=About(
        name="simmotion",
        title="SimMotion",
        licence="research only, as its card on the hub says",
        attribution="SimMotion by Huberman et al.",
        description="Triplets of clips for testing metrics of motion; no method is ranked on it, "
        "and its prompt is a stand-in, so text similarity means nothing here.",
        citation="Huberman et al., SemanticMoments: Training-Free Motion Similarity via Third "
        "Moment Features, CVPR Findings 2026",
        home="https://github.com/saarhub/semantic-moments",
        methods=(
            Published(
                name="positive",
                title="Same motion, other appearance",
                licence="research only",
                notes="The positive clips of SimMotion.",
            ),
            Published(
                name="negative",
                title="Same appearance, other motion",
                licence="research only",
                notes="The negative clips of SimMotion.",
            ),
        ),
    ),
    frames=24,
    width=576,
    height=320,
    fps=8.0,
    layout="examples/N/ref.mp4, positive.mp4, negative.mp4 (real), CATEGORY/N/ref.mp4 (synthetic)",
    taken="24 at 8 a second, as many as all three have",
    masks="none published",
    read=read,
    hub="Shuberman/SimMotion-Real",
)
