"""Checks on the video that comes out."""

from __future__ import annotations

import numpy as np

from smmbench.conformance.findings import Verdict, broken, kept, skipped, warning
from smmbench.conformance.trial import Trial
from smmbench.video import Video, VideoError, normal_form


def runs(trial: Trial) -> Verdict:
    """It is built, prepares a clip and transfers it without raising."""
    trial.transfer(trial.world.first)  # raises as the runner tells it
    return kept("it is built, prepares a clip and transfers it.")


def video(trial: Trial) -> Verdict:
    """`transfer` gives a `Video` that has the protocol's normal form, or can be brought to it."""
    form = trial.world.form
    wanted = (
        f"The protocol wants {form.frames} frames of {form.width}x{form.height} at {form.fps:g} a "
        "second, as the source has them."
    )
    given = trial.transfer(trial.world.first).given
    if not isinstance(given, Video):
        return broken(
            f"transfer gives {_told(given)}, no Video.",
            "Return `Video(frames, fps)`: uint8 of shape (time, height, width, 3), RGB. " + wanted,
        )
    came = f"{_told(given.frames)} at {given.fps:g} frames a second"
    try:
        normal = normal_form(given, form)
    except VideoError as error:
        return broken(f"{came}. {error}", wanted)
    if len(np.unique(given.frames)) == 1:
        return warning(
            f"{came}: every value is {given.frames.flat[0]}.",
            "Look for NaN before the conversion to uint8.",
        )
    if normal is not given:
        return warning(
            f"{came}; it is scored as: {', '.join(normal.notes)}.",
            f"{wanted} What differs is cropped, resized or dropped before scoring.",
        )
    return kept(f"{came}, as the protocol wants.")


def own_pixels(trial: Trial) -> Verdict:
    """The video is not the source's pixels, nor in the source's memory."""
    source, _ = trial.prepared(0)
    made = trial.transfer(trial.world.first)
    if not made.pixels:
        return skipped("there is no Video.")
    same = made.pixels == trial.world.source(0).video.pixels_sha256
    shared = np.shares_memory(made.given.frames, source.video.frames)
    if not (same or shared):
        return kept("its pixels are its own.")
    said = "gives the source's own pixels" if same else "gives a view of the source's memory"
    if trial.control:
        return warning(f"it {said}.", "Right for a control that is to copy the source.")
    return broken(
        f"it {said}.",
        "Return what was made for the prompt, in memory of its own (`frames.copy()`).",
    )


def handed_over(trial: Trial) -> Verdict:
    """A video that was handed over stays as it is while later ones are made."""
    for stage, made in trial.made.items():
        if made.pixels and made.given.pixels_sha256 != made.pixels:
            return broken(
                f"the video of {stage.removeprefix('transfer of ')} was changed by a later call.",
                "Make each video in memory of its own: results are written while the next is made.",
            )
    return kept(f"{len(trial.made)} videos stayed as they were handed over.")


def _told(thing: object) -> str:
    shape, dtype = getattr(thing, "shape", None), getattr(thing, "dtype", None)
    if shape is None:
        return f"a {type(thing).__name__}"
    return f"{dtype} of shape {tuple(shape)}" + (
        "" if isinstance(thing, np.ndarray) else f" ({type(thing).__name__})"
    )
