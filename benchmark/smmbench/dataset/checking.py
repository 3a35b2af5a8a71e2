"""Check a dataset thoroughly: every file exists, has the right hash, and decodes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator

from smmbench.dataset.files import (
    checked_path,
    clip_form,
    source_video,
    stored_path,
    true_masks,
    true_tracks,
)
from smmbench.dataset.manifest import Clip, Dataset, Edit, File, Outputs
from smmbench.video import Video, normal_form, read_video

ClipCheck = Callable[[Video], str]  # gives a fault, or "" for none
PromptKey = Callable[[str], Hashable]  # equal for prompts that are one to whoever reads them


def check_dataset(
    dataset: Dataset, clip_check: ClipCheck | None = None, prompt_key: PromptKey = str.casefold
) -> Iterator[list[str]]:
    """Check everything that a manifest claims, one clip or published output at a time.

    Args:
        dataset: A dataset whose manifest was read and is therefore well formed.
        clip_check: An additional check of each source clip, for example that something moves in it.
        prompt_key: Key by which prompts of a clip count as equal: their text, or the part that a
            model reads.

    Yields:
        For each clip and then each published output its faults, one sentence each; empty if all
        is well. There are `len(clips) + len(outputs)` of them.
    """
    for clip in dataset.manifest.clips:
        place = f"Clip '{clip.name}'"
        faults = _text_faults(clip, prompt_key) + _video_faults(dataset, clip, clip_check)
        if clip.tracks:
            faults += _faults(true_tracks, dataset, clip)
        if clip.masks:
            faults += _faults(true_masks, dataset, clip)
        yield [f"{place}: {fault}" for fault in faults]
    clips = {clip.name: clip for clip in dataset.manifest.clips}
    for output in dataset.manifest.outputs:
        place = f"Output '{output.method}/{output.clip}/{output.edit}'"
        faults = _faults(_read_output, dataset, clips[output.clip], output)
        yield [f"{place}: {fault}" for fault in faults]


def missing_files(dataset: Dataset, files: list[File]) -> list[File]:
    """Files that are missing; their content is not examined."""
    return [file for file in files if not stored_path(dataset, file).exists()]


def _text_faults(clip: Clip, prompt_key: PromptKey) -> list[str]:
    """Faults in well-formed manifests: duplicate prompts, and clips without a licence."""
    faults = [
        f"no {name} is given."
        for name in ("licence", "attribution")
        if not getattr(clip, name).strip()
    ]
    seen: dict[Hashable, Edit] = {}
    for edit in clip.edits:
        other = seen.setdefault(prompt_key(edit.prompt), edit)
        if other is edit:
            continue
        if other.prompt.casefold() == edit.prompt.casefold():
            faults.append(f"two edits have the prompt '{other.prompt.casefold()}'.")
        else:
            faults.append(
                f"the prompts of edits '{other.name}' and '{edit.name}' are equal as far as the "
                "text model reads them; shorten them, or state the difference first."
            )
    return faults


def _video_faults(dataset: Dataset, clip: Clip, clip_check: ClipCheck | None) -> list[str]:
    """Faults of the source clip itself; the further check runs only if there are none."""
    try:
        video = source_video(dataset, clip)
    except ValueError as error:
        return [str(error)]
    fault = clip_check(video) if clip_check else ""
    return [fault] if fault else []


def _read_output(dataset: Dataset, clip: Clip, output: Outputs) -> None:
    normal_form(read_video(checked_path(dataset, output.video)), clip_form(dataset, clip))


def _faults(action: Callable[..., object], *of: object) -> list[str]:
    try:
        action(*of)
    except ValueError as error:
        return [str(error)]
    return []
