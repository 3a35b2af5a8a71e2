"""Warnings about weaknesses of a new set for motion transfer, for its author to judge."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from smmbench.dataset.manifest import Protocol
from smmbench.video import Video

CUT = 6.0
"""A cut changes the picture this many times as much as the median step of its clip."""
CUT_LEAST = 20.0
"""And by at least this much of 255 on average."""
STILL = 0.3
"""Mean change of a pixel per step, of 255, below which a clip counts as static."""

FEW = 3
"""Number of faults of one kind that are listed individually; further ones are counted."""

_VERBS = (
    "bounc|chas|circl|climb|crawl|danc|driv|fall|float|fly|gallop|glid|hopp?|jogg?|jump|march|"
    "orbit|pann?|rid|ris|roll|rotat|runn?|sail|skat|ski|slid|spinn?|surf|swimm?|swing|trott?|"
    "turn|twirl|vault|walk|zoom"
)
_MOTION = re.compile(
    r"\b(left|right|up|down)wards?\b|\bto the (left|right)\b|\b(clock|anticlock|"
    rf"counterclock)wise\b|\b({_VERBS})(e|es|s|ing)\b|\bdrift(s|ing)\b",
    re.IGNORECASE,
)


def advice(
    videos: Mapping[str, Video], prompts: Mapping[str, Mapping[str, str]], protocol: Protocol
) -> Iterator[str]:
    """Yield a sentence for each property that weakens a comparison on the set.

    Args:
        videos: Clips by name, in their normal form.
        prompts: Their target prompts, by clip and name.
        protocol: The protocol that the set will have.
    """
    alike: dict[str, list[str]] = {}  # clips by their pixels
    for name, video in videos.items():
        changes = step_changes(video)
        if changes.max() < STILL:
            yield f"clip '{name}' is static: there is no motion to transfer."
        elif (cut := cut_at(changes)) is not None:
            yield f"clip '{name}' seems to have a cut at frame {cut}: its motion is not continuous."
        alike.setdefault(video.pixels_sha256, []).append(name)
    for names in alike.values():
        if len(names) > 1:
            yield f"clips {_listed(names)} have the same pixels."
    lengths = Counter(len(video.frames) for video in videos.values())
    if len(lengths) > 1:
        said = ", ".join(f"{count} of {length}" for length, count in sorted(lengths.items()))
        yield (
            f"clips differ in length ({said} frames): those shorter than {protocol.frames} frames "
            "keep their own number of frames, which not every method can generate."
        )
    yield from _of_prompts(prompts)


def _of_prompts(prompts: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    motions: list[tuple[str, str]] = []  # clip and prompt, and the word
    for clip, edits in prompts.items():
        seen: dict[str, str] = {}
        for edit, prompt in edits.items():
            words = " ".join(re.findall(r"\w+", prompt.casefold()))
            other = seen.setdefault(words, edit)
            if other != edit:
                yield f"prompts '{other}' and '{edit}' of clip '{clip}' are the same."
            if motion := _MOTION.search(prompt):
                motions.append((f"prompt '{edit}' of clip '{clip}'", motion[0]))
    why = "a method may follow the text instead of the clip."
    if len(motions) <= FEW:
        yield from (f"{place} names a motion ('{word}'): {why}" for place, word in motions)
    else:
        first, word = motions[0]
        yield f"{len(motions)} prompts name a motion, such as {first} ('{word}'): {why}"


def _listed(names: Sequence[str]) -> str:
    """A few names of many: `'a' and 'b'`, `'a', 'b', 'c' and 4 more`."""
    quoted = [f"'{name}'" for name in names]
    if len(names) <= FEW:
        return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
    return f"{', '.join(quoted[:FEW])} and {len(names) - FEW} more"


def step_changes(video: Video) -> Float[np.ndarray, " steps"]:
    """Mean absolute change of a pixel from each frame to the next, of 255."""
    frames = video.frames
    return np.array(
        [np.abs(later.astype(np.int16) - earlier).mean() for earlier, later in pairwise(frames)]
    )


def cut_at(changes: Float[np.ndarray, " steps"]) -> int | None:
    """Return the first frame after a cut, or None if no step stands out.

    Args:
        changes: The changes that `step_changes` returns.
    """
    highest = int(changes.argmax())
    usual = float(np.median(changes))
    if changes[highest] >= max(CUT_LEAST, CUT * usual):
        return highest + 1
    return None
