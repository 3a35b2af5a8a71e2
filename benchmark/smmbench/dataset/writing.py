"""Write a manifest for videos and prompts: the first version of a set, with all hashes."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from smmbench.dataset.advice import advice
from smmbench.dataset.faults import faults_of
from smmbench.dataset.manifest import NAME_PATTERN, Manifest, Protocol, Published
from smmbench.dataset.mask_images import image_size, read_masks
from smmbench.dataset.prompt_files import Asked
from smmbench.errors import VideoError
from smmbench.plugins import no_such
from smmbench.storage.atomic import atomic_path
from smmbench.storage.home import content_sha256, file_sha256
from smmbench.video import ENDINGS, NormalForm, Video, find_videos, read_normal_form


@dataclass(frozen=True)
class About:
    """Description of a set and of all its clips.

    Attributes:
        name: A valid name of a manifest.
        title: Human-readable name.
        licence: Licence of all clips.
        attribution: Whom to credit for them.
        description: Purpose of the set, in a sentence or two.
        citation: The paper to cite.
        home: Address of the set's page.
        purpose: The purpose, as in a manifest.
        methods: Methods whose outputs are published with the set.
    """

    name: str
    title: str
    licence: str
    attribution: str
    description: str = ""
    citation: str = ""
    home: str = ""
    purpose: str = "board"
    methods: tuple[Published, ...] = ()


@dataclass(frozen=True)
class Place:
    """Location of a clip's video, and which of its frames form the clip.

    Attributes:
        path: A video, or a folder of numbered images.
        start: Its first frame, counted from 0.
        step: Every `step`-th image of a folder is used.
        masks: A folder of masks, one for each frame of the video; None without.
        masks_fps: Frames per second of the video that the masks are of; None for a folder of
            images, whose rate is the protocol's times `step`.
        outputs: Published outputs by the name of the method and of the edit.
    """

    path: Path
    start: int = 0
    step: int = 1
    masks: Path | None = None
    masks_fps: float | None = None
    outputs: Mapping[tuple[str, str], Path] = field(default_factory=dict)


def new_manifest(
    folder: Path,
    prompts: Mapping[str, Asked],
    about: About,
    protocol: Protocol,
    places: Mapping[str, Place] | None = None,
) -> tuple[str, list[str]]:
    """Compose the manifest's text for the videos of a folder, and compute both hashes.

    Ground-truth masks, if there are any, are written as `<set>-masks/<clip>.npz` into the folder.

    Args:
        folder: Folder of the videos and of the future manifest.
        prompts: Prompts by clip, which is the file's name without its extension.
        about: Description of the set.
        protocol: Normal form and models.
        places: The video of each clip, below `folder`; None searches the folder by name.

    Returns:
        The text, and the conversions to the normal form, one line for each kind.

    Raises:
        ValueError: A prompt's clip is missing, a video cannot be read, or the manifest would be
            invalid.
    """
    if places is None:
        places = {name: Place(path) for name, path in _videos(folder, prompts).items()}
    lines = _head(about, protocol)
    outputs: list[str] = []
    said: dict[str, list[str]] = {}  # clips by what is said of them
    videos: dict[str, Video] = {}
    for clip, asked in prompts.items():
        place = places[clip]
        normal = videos[clip] = _normal(place, protocol)
        masks, why_not = _masks(folder, about, clip, place, normal, protocol)
        lines += _clip(folder, clip, place, normal, asked, about, protocol)
        lines += [f"masks = {masks}"] if masks else []
        lines += _edits(asked)
        outputs += _outputs(folder, clip, place)
        for note in filter(None, (", ".join(normal.notes), why_not)):
            said.setdefault(note, []).append(clip)
    text = "\n".join(lines + outputs) + "\n"
    try:
        Manifest.model_validate(tomllib.loads(text))
    except ValidationError as error:
        faults = " ".join(faults_of(error, Manifest))
        raise ValueError(f"The manifest would not load: {faults}") from error
    edits = {clip: asked.edits for clip, asked in prompts.items()}
    notes = [f"{_some(clips)}: {note}" for note, clips in said.items()]
    return text, notes + [f"warning: {one}" for one in advice(videos, edits, protocol)]


def _normal(place: Place, protocol: Protocol) -> Video:
    """The clip in its normal form, no longer than any published output of it."""
    form = NormalForm(protocol.frames, protocol.width, protocol.height, protocol.fps)
    fps = protocol.fps * place.step
    video = read_normal_form(place.path, form, shorter=True, fps=fps, start=place.start)
    for output in place.outputs.values():
        other = read_normal_form(output, form, shorter=True)
        if len(other.frames) < len(video.frames):
            video = Video(video.frames[: len(other.frames)], video.fps, video.notes)
    if len(video.frames) < 2:
        raise VideoError(
            f"'{place.path}' is too short for a clip: at {form.fps:g} frames per second it has "
            f"{len(video.frames)}, and motion needs at least 2. Use a longer video, or a "
            "protocol with a higher --fps."
        )
    return video


def _masks(
    folder: Path, about: About, clip: str, place: Place, normal: Video, protocol: Protocol
) -> tuple[str, str]:
    """Write the masks of a clip; return their manifest entry, or why there are none."""
    if place.masks is None:
        return "", ""
    form = NormalForm(len(normal.frames), protocol.width, protocol.height, protocol.fps)
    fps = place.masks_fps or protocol.fps * place.step
    try:
        if place.path.is_dir() and image_size(place.masks) != image_size(place.path):
            raise VideoError(f"'{place.masks}': the masks do not have the size of the frames.")
        masks = read_masks(place.masks, form, fps, place.start)
    except VideoError as error:
        return "", f"no masks: {error}"
    path = folder / f"{about.name}-masks" / f"{clip}.npz"
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, masks=masks)
    return _file(path.relative_to(folder).as_posix(), file_sha256(path)), ""


def _videos(folder: Path, clips: Collection[str]) -> dict[str, Path]:
    """The video of each clip; other videos of the folder may have any name."""
    found: dict[str, Path] = {}
    for name, path in find_videos(folder):
        if name in clips and name in found:
            raise ValueError(f"'{found[name]}' and '{path}' have one name; rename one.")
        found[name] = path
    if not found:
        raise ValueError(
            f"'{folder}' has no videos ({', '.join(sorted(ENDINGS))}) and no folders of images."
        )
    for clip in clips:
        if clip not in found:
            raise ValueError(f"'{folder}': {no_such('video of clip', clip, sorted(found))}")
        if not re.fullmatch(NAME_PATTERN, clip):
            raise ValueError(
                f"'{found[clip]}' cannot name a clip: use a-z, 0-9, '.', '_' and '-', a letter or "
                "digit first; rename it, here and in the table of prompts."
            )
    return found


def _head(about: About, protocol: Protocol) -> list[str]:
    said = protocol.model_dump(mode="json")
    optional = {"citation": about.citation, "home": about.home}
    lines = [
        f"name = {_text(about.name)}",
        "version = 1  # raise it whenever clips, prompts or the protocol change",
        f"title = {_text(about.title)}",
        f"description = {_text(about.description)}",
        f"licence = {_text(about.licence)}",
        *(f"{name} = {_text(text)}" for name, text in optional.items() if text),
        *([f"purpose = {_text(about.purpose)}"] if about.purpose != "board" else []),
        "",
        "[protocol]",
        *(f"{name} = {json.dumps(value)}" for name, value in said.items()),
    ]
    for method in about.methods:
        lines += ["", "[[methods]]"]
        lines += [f"{name} = {_text(text)}" for name, text in method.model_dump().items() if text]
    return lines


def _clip(
    folder: Path,
    name: str,
    place: Place,
    normal: Video,
    asked: Asked,
    about: About,
    protocol: Protocol,
) -> Sequence[str]:
    own: dict[str, Any] = {}
    if len(normal.frames) < protocol.frames:
        own["frames"] = len(normal.frames)
    if place.start:
        own["start"] = place.start
    if place.step != 1:
        own["fps"] = protocol.fps * place.step
    if asked.tags:
        own["tags"] = list(asked.tags)
    path = place.path.relative_to(folder).as_posix()
    return [
        "",
        "[[clips]]",
        f"name = {_text(name)}",
        f"video = {_file(path, content_sha256(place.path))}",
        f'pixels_sha256 = "{normal.pixels_sha256}"  # in the normal form',
        *(f"{key} = {json.dumps(value)}" for key, value in own.items()),
        f"prompt = {_text(asked.caption)}",
        f"licence = {_text(about.licence)}",
        f"attribution = {_text(about.attribution)}",
    ]


def _edits(asked: Asked) -> Iterator[str]:
    for edit, prompt in asked.edits.items():
        yield from ("[[clips.edits]]", f"name = {_text(edit)}", f"prompt = {_text(prompt)}")
        if kind := asked.kinds.get(edit):
            yield f"kind = {_text(kind)}"


def _outputs(folder: Path, clip: str, place: Place) -> Iterator[str]:
    for (method, edit), path in place.outputs.items():
        yield from ("", "[[outputs]]", f"method = {_text(method)}", f"clip = {_text(clip)}")
        yield f"edit = {_text(edit)}"
        yield f"video = {_file(path.relative_to(folder).as_posix(), content_sha256(path))}"


def _some(names: Sequence[str]) -> str:
    """A few names of many: `a, b, c and 47 more`."""
    if len(names) <= 4:
        return ", ".join(names)
    return f"{', '.join(names[:3])} and {len(names) - 3} more"


def _file(path: str, sha256: str) -> str:
    return f'{{ path = {_text(path)}, sha256 = "{sha256}" }}'


def _text(text: str) -> str:
    """A TOML string; JSON writes the same."""
    return json.dumps(text, ensure_ascii=False)
