"""The motion that a method is given for a clip: its own, backwards, another clip's, or none."""

from __future__ import annotations

from smmbench.dataset.files import clip_form, source_video, true_tracks
from smmbench.dataset.manifest import Clip, Dataset
from smmbench.tracking import Tracks
from smmbench.video import Reference, Video, backwards, held


def reference_clip(dataset: Dataset, clip: Clip, reference: Reference) -> Clip:
    """The clip whose frames make up a reference: the clip itself, except for `other`.

    The other clip is the next one in the manifest (wrapping around) with the same normal form and a
    different first tag, that is, another motion; if clips have no tags, the next one of its form.

    Raises:
        ValueError: `other` was asked for and no clip of the dataset qualifies.
    """
    if reference != "other":
        return clip
    clips = dataset.manifest.clips
    place = [known.name for known in clips].index(clip.name)
    form = clip_form(dataset, clip)
    for one in (*clips[place + 1 :], *clips[:place]):
        if clip_form(dataset, one) == form and _moves_otherwise(clip, one):
            return one
    raise ValueError(
        f"Clip '{clip.name}' of '{dataset.manifest.name}' has no other reference: no clip of "
        f"{form.frames} frames has another motion (another first tag)."
    )


def reference_video(dataset: Dataset, clip: Clip, reference: Reference) -> Video:
    """The video that a method is given, in the clip's normal form.

    Raises:
        ValueError: As `source_video` and `reference_clip`.
    """
    video = source_video(dataset, reference_clip(dataset, clip, reference))
    if reference == "reversed":
        return backwards(video)
    return held(video) if reference == "none" else video


def reference_tracks(dataset: Dataset, clip: Clip, reference: Reference) -> Tracks:
    """Ground-truth tracks of a reference that moves; backwards, they begin where they ended.

    Raises:
        ValueError: As `true_tracks` and `reference_clip`, or `none` was asked for: a still has no
            motion to follow.
    """
    if reference == "none":
        raise ValueError("The reference 'none' holds one frame still: it has no motion to follow.")
    tracks = true_tracks(dataset, reference_clip(dataset, clip, reference))
    if reference == "reversed":
        return Tracks(tracks.points[:, ::-1].copy(), tracks.visible[:, ::-1].copy())
    return tracks


def _moves_otherwise(clip: Clip, other: Clip) -> bool:
    return not clip.tags or not other.tags or clip.tags[0] != other.tags[0]
