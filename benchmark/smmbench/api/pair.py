"""Score two video files in one call: does the output move like the source?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smmbench.environment import choose_device
from smmbench.importing.frame_rule import FrameRule, fit_frames
from smmbench.metrics.chance import chance_floor
from smmbench.metrics.motion_fidelity import motion_fidelity
from smmbench.tracking import open_tracker
from smmbench.video import NormalForm, Video, VideoError, normal_form, read_video

TRACKER = "dis"
GRID = 30
STILL = 0.5

NO_TEXT_MODEL = (
    "Text similarity was not computed: name a text model that knows such clips, for example "
    "ViT-B-32:laion2b_s34b_b79k, a local folder in the layout of open_clip or of transformers, or, "
    "for emoji clips alone, emoji-clip."
)
NO_PROMPT = "Text similarity was not computed: there is no prompt."


@dataclass(frozen=True)
class PairScore:
    """Scores of one output against its source.

    Attributes:
        motion_fidelity: Mean of both directions, -1 to 1; None if nothing in the source moves.
        source_to_output: Mean over the source's tracks of the best match in the output.
        output_to_source: Mean over the output's tracks of the best match in the source.
        chance_level: Score of tracks in random directions, with as many tracks and steps.
        source_tracks: Numbers of moving and still tracks of the source.
        output_tracks: The same for the output.
        text_similarity: Mean cosine of frames and prompt, -1 to 1; None without a text model.
        prompt: What the output should show.
        text_model: Name of the text model; empty for none.
        tracker: Name of the tracker.
        frames: Number of compared frames.
        width: Width of the frames, in pixels.
        height: Height of the frames, in pixels.
        fps: Frame rate.
        frame_rule: `exact`: frame for frame; `resample`: the output's frames nearest in time.
        notes: Conversions, and what could not be computed, one sentence each.
    """

    motion_fidelity: float | None
    source_to_output: float | None
    output_to_source: float | None
    chance_level: float | None
    source_tracks: dict[str, int]
    output_tracks: dict[str, int]
    text_similarity: float | None
    prompt: str
    text_model: str
    tracker: str
    frames: int
    width: int
    height: int
    fps: float
    frame_rule: FrameRule
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as JSON values."""
        return asdict(self) | {"notes": list(self.notes)}


def score_pair(
    source: str | Path | Video,
    output: str | Path | Video,
    prompt: str = "",
    *,
    text_model: str | None = None,
    tracker: str = TRACKER,
    frames: int | None = None,
    grid: int = GRID,
    still_threshold: float = STILL,
    device: str = "auto",
) -> PairScore:
    """Score one output against its source, without a dataset.

    The output is converted to the source's size, frame rate and number of frames: frame for frame
    if the counts are equal, like `smmbench import`, and otherwise by the nearest frame in time.

    Args:
        source: A video file, a folder of numbered images, or a video.
        output: The output, in the same forms.
        prompt: What the output should show; empty to score motion only.
        text_model: As for `smmbench score --text-model`; None to score motion only. There is no
            default, because a model that does not know such clips gives meaningless numbers.
        tracker: As for `smmbench score --tracker`.
        frames: Compare only this many first frames of the source; None for all.
        grid: Points along each axis of the first frame that are tracked.
        still_threshold: Length in pixels up to which a step counts as still.
        device: `cpu`, `cuda`, `cuda:1`, `mps`, or `auto` for a GPU if there is one.

    Raises:
        VideoError: A video cannot be read, or the output is too short.
        LookupError: There is no such tracker or text model.
        ValueError, ImportError, OSError: A requirement of the tracker or text model is missing.
    """
    device = choose_device(device)
    ours = _source(source, frames)
    count, height, width = ours.frames.shape[:3]
    form = NormalForm(count, width, height, ours.fps)
    read = output if isinstance(output, Video) else _read(output, form.fps)
    try:
        theirs, rule = fit_frames(read, form)
    except VideoError as error:
        raise VideoError(
            f"{error} If the output shows only the beginning of the source, compare that: "
            f"frames={len(read.frames)} (--frames {len(read.frames)})."
        ) from error
    notes = [f"source: {note}" for note in ours.notes] + [
        f"output: {note}" for note in theirs.notes
    ]
    motion = _motion(ours, theirs, tracker, grid, still_threshold, device, notes)
    text = _text(theirs, prompt, text_model, device, notes)
    return PairScore(
        **motion,
        text_similarity=text,
        prompt=prompt,
        text_model=text_model if text_model and text is not None else "",
        tracker=tracker,
        frames=count,
        width=width,
        height=height,
        fps=ours.fps,
        frame_rule=rule,
        notes=tuple(notes),
    )


def _source(source: str | Path | Video, frames: int | None) -> Video:
    """The source at a constant frame rate, cut to the compared frames."""
    video = source if isinstance(source, Video) else _read(source, None)
    count, height, width = video.frames.shape[:3]
    if frames is not None and not 2 <= frames <= count:
        raise VideoError(f"The source has {count} frames; 2 to {count} can be compared.")
    if count < 2:
        raise VideoError("The source has one frame; motion needs at least two.")
    if video.instants:
        seconds = video.instants[-1] + 1 / video.fps
        count = max(2, min(count, round(seconds * video.fps)))
    return normal_form(video, NormalForm(frames or count, width, height, video.fps))


def _read(path: str | Path, fps: float | None) -> Video:
    return read_video(path, fps=fps if Path(path).is_dir() else None)


def _motion(
    source: Video,
    output: Video,
    tracker: str,
    grid: int,
    still_threshold: float,
    device: str,
    notes: list[str],
) -> dict[str, Any]:
    """Motion fidelity with its directions, counts and chance level."""
    follow = open_tracker(tracker, grid, device)
    ours, theirs = follow.track(source), follow.track(output)
    try:
        found = motion_fidelity(
            ours.points,
            theirs.points,
            source_visible=ours.visible,
            output_visible=theirs.visible,
            still_threshold=still_threshold,
        )
    except ValueError as error:  # nothing moves in the source
        notes.append(f"Motion fidelity could not be computed: {error}")
        none = dict.fromkeys(
            ("motion_fidelity", "source_to_output", "output_to_source", "chance_level")
        )
        return {**none, "source_tracks": {}, "output_tracks": {}}
    counted = [
        counts.moving + (counts.still + counts.dropped if still_threshold == 0 else 0)
        for counts in (found.source, found.output)
    ]
    return {
        "motion_fidelity": found.mean,
        "source_to_output": found.source_to_output,
        "output_to_source": found.output_to_source,
        "chance_level": chance_floor(counted[0], counted[1], len(source.frames) - 1),
        "source_tracks": {"moving": found.source.moving, "still": found.source.still},
        "output_tracks": {"moving": found.output.moving, "still": found.output.still},
    }


def _text(
    output: Video, prompt: str, spec: str | None, device: str, notes: list[str]
) -> float | None:
    """Text similarity, or None and a note that says why it is not computed."""
    if not spec or not prompt:
        notes.append(NO_PROMPT if not prompt else NO_TEXT_MODEL)
        return None
    from smmbench.metrics.text_similarity import clip_text_similarity
    from smmbench.scoring.models.text_model import TextModel

    model = TextModel(spec, device)
    if model.cuts(prompt):
        notes.append(f"The text model reads {model.context_length} tokens; the prompt is longer.")
    value = clip_text_similarity(model.embed_frames(output.frames), model.embed_text(prompt))
    return float(np.clip(value, -1, 1))
