"""Checks of the output video."""

from __future__ import annotations

import numpy as np

from smmbench.conformance.findings import Verdict, broken, kept, skipped, warning
from smmbench.conformance.trial import Trial
from smmbench.video import Video, VideoError, normal_form


def runs(trial: Trial) -> Verdict:
    """The method is constructed, prepares a clip and transfers it without an error."""
    trial.transfer(trial.world.first)  # raises as the runner tells it
    return kept("it is constructed, prepares a clip and transfers it.")


def video(trial: Trial) -> Verdict:
    """`transfer` returns a `Video` in the protocol's normal form, or one that can be converted."""
    form = trial.world.form
    wanted = (
        f"The protocol requires {form.frames} frames of {form.width}x{form.height} at {form.fps:g} "
        "fps, like the source."
    )
    given = trial.transfer(trial.world.first).given
    if not isinstance(given, Video):
        return broken(
            f"transfer returns {_told(given)}, not a Video.",
            "Return `Video(frames, fps)`: uint8 of shape (time, height, width, 3), RGB. " + wanted,
        )
    came = f"{_told(given.frames)} at {given.fps:g} frames per second"
    try:
        normal = normal_form(given, form)
    except VideoError as error:
        return broken(f"{came}. {error}", wanted)
    if len(np.unique(given.frames)) == 1:
        return warning(
            f"{came}: every value is {given.frames.flat[0]}.",
            "Check for NaN before the conversion to uint8.",
        )
    if normal is not given:
        return warning(
            f"{came}; it is scored as: {', '.join(normal.notes)}.",
            f"{wanted} Differences are cropped, resized or dropped before scoring.",
        )
    return kept(f"{came}, as the protocol requires.")


def own_pixels(trial: Trial) -> Verdict:
    """The video has neither the source's pixels nor its memory."""
    source, _ = trial.prepared(0)
    made = trial.transfer(trial.world.first)
    if not made.pixels:
        return skipped("there is no Video.")
    same = made.pixels == trial.world.source(0).video.pixels_sha256
    shared = np.shares_memory(made.given.frames, source.video.frames)
    if not (same or shared):
        return kept("its pixels are its own.")
    said = "returns the source's own pixels" if same else "returns a view of the source's memory"
    if trial.control:
        return warning(f"it {said}.", "This is correct for a control that copies the source.")
    return broken(
        f"it {said}.",
        "Return the video generated for the prompt, in separate memory (`frames.copy()`).",
    )


def handed_over(trial: Trial) -> Verdict:
    """A returned video does not change while later ones are generated."""
    for stage, made in trial.made.items():
        if made.pixels and made.given.pixels_sha256 != made.pixels:
            return broken(
                f"the video of {stage.removeprefix('transfer of ')} was changed by a later call.",
                "Allocate each video separately: results are written while the next is generated.",
            )
    return kept(f"{len(trial.made)} returned videos did not change.")


def _told(thing: object) -> str:
    shape, dtype = getattr(thing, "shape", None), getattr(thing, "dtype", None)
    if shape is None:
        return f"a {type(thing).__name__}"
    return f"{dtype} of shape {tuple(shape)}" + (
        "" if isinstance(thing, np.ndarray) else f" ({type(thing).__name__})"
    )
