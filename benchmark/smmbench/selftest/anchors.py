"""Checks of the controls: the expected score of each, and its margin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from smmbench.selftest.standing import Standing

Means = Mapping[str, Standing]


@dataclass(frozen=True)
class Anchor:
    """A check of some controls.

    Attributes:
        name: Name of the check.
        statement: What must hold.
        controls: The controls whose scores it needs.
        faults: Returns the violations for given scores; empty if the check holds.
    """

    name: str
    statement: str
    controls: tuple[str, ...]
    faults: Callable[[Means], list[str]]


def copy_moves_perfectly(means: Means) -> list[str]:
    """The source against itself is 1."""
    value = means["source-copy"].motion
    return [] if abs(value - 1) <= 1e-9 else [f"source-copy has motion {value:.6f}"]


def copy_ignores_the_prompt(means: Means) -> list[str]:
    """An output for the prompt agrees with it far better than the source does."""
    copy, made = means["source-copy"].text, means["text-only"].text
    return [] if copy + 0.2 < made else [f"source-copy has text {copy:.3f}, text-only {made:.3f}"]


def round_trip_is_near_the_copy(means: Means) -> list[str]:
    """The autoencoder keeps motion and adds no content."""
    copy, trip = means["source-copy"], means["vae-round-trip"]
    faults = []
    if not 0.8 <= trip.motion <= copy.motion:
        faults.append(f"vae-round-trip has motion {trip.motion:.3f}, source-copy {copy.motion:.3f}")
    if not abs(trip.text - copy.text) <= 0.1:
        faults.append(f"vae-round-trip has text {trip.text:.3f}, source-copy {copy.text:.3f}")
    return faults


def frozen_is_at_the_bottom(means: Means) -> list[str]:
    """Nothing moves, so nothing agrees."""
    value = means["frozen"].motion
    return [] if abs(value) <= 0.05 else [f"frozen has motion {value:.3f}"]


def reversed_is_below_forward(means: Means) -> list[str]:
    """Reversed in time, directions are lost."""
    back, forth = means["reversed"].motion, means["source-copy"].motion
    return [] if back + 0.4 < forth else [f"reversed has motion {back:.3f}, forward {forth:.3f}"]


def strangers_are_at_the_floor(name: str) -> Callable[[Means], list[str]]:
    """Outputs that ignore the source's motion score no more than chance."""

    def faults(means: Means) -> list[str]:
        found = means[name]
        if found.motion <= found.floor + 0.05:
            return []
        return [f"{name} has motion {found.motion:.3f}, chance {found.floor:.3f}"]

    return faults


ANCHORS = (
    Anchor(
        "copy-moves-perfectly",
        "The source as its own output has motion fidelity 1.",
        ("source-copy",),
        copy_moves_perfectly,
    ),
    Anchor(
        "copy-ignores-the-prompt",
        "The source's text similarity is at least .2 below that of text-only generation.",
        ("source-copy", "text-only"),
        copy_ignores_the_prompt,
    ),
    Anchor(
        "round-trip-is-near-the-copy",
        "The VAE round trip keeps motion above .8, and its text is within .1 of the copy's.",
        ("source-copy", "vae-round-trip"),
        round_trip_is_near_the_copy,
    ),
    Anchor(
        "frozen-is-at-the-bottom",
        "The first frame, repeated, has motion fidelity 0.",
        ("frozen",),
        frozen_is_at_the_bottom,
    ),
    Anchor(
        "reversed-is-below-forward",
        "The reversed source has motion fidelity at least .4 below the source's.",
        ("source-copy", "reversed"),
        reversed_is_below_forward,
    ),
    *(
        Anchor(
            f"{name}-is-at-chance-level",
            f"The motion fidelity of {name} is not above the chance level.",
            (name,),
            strangers_are_at_the_floor(name),
        )
        for name in ("shuffled", "other-clip", "noise", "text-only")
    ),
)
