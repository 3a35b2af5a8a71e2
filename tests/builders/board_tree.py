"""A results tree with made-up scores."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any


class BoardTree:
    """Writes records and scores as the two loops would, beside files that stand for videos.

    Attributes:
        manifest: Path of the dataset's TOML file.
        results: The results folder.
    """

    def __init__(self, folder: Path, clips: int = 4) -> None:
        self.clips = [f"clip-{i}" for i in range(clips)]
        self.edits = ["dog", "cat"]
        self.results = folder / "results"
        self.manifest = folder / "toy.toml"
        text = (
            'name = "toy"\nversion = 1\ntitle = "T"\ndescription = "D"\nlicence = "CC0-1.0"\n'
            "[protocol]\nframes = 4\nwidth = 24\nheight = 16\nfps = 8\n"
            'text_model = "none"\n'
        )
        for i, name in enumerate(self.clips):
            text += (
                f'[[clips]]\nname = "{name}"\nprompt = "clip {i}"\n'
                f'video = {{ path = "{name}.mkv", sha256 = "{i:064x}" }}\n'
                f'pixels_sha256 = "{i:064x}"\nlicence = "CC0-1.0"\nattribution = "made here"\n'
            )
            for edit in self.edits:
                text += f'[[clips.edits]]\nname = "{edit}"\nprompt = "a {edit} like {name}"\n'
        self.manifest.write_text(text)

    def source_sha256(self, clip: str) -> str:
        """SHA-256 of a clip's pixels."""
        return f"{self.clips.index(clip):064x}"

    def write_video(self, path: Path, label: str) -> None:
        """Write what stands for a video, which is never decoded; each is another."""
        path.write_bytes("/".join(path.parts[-5:]).encode() + label.encode())

    def method(self, label: str, kind: str = "method", title: str = "") -> None:
        """Write the method's card."""
        from smmbench.method import Card
        from smmbench.results import MethodFile, method_folder, write_method

        card = Card(title=title or label, kind=kind)
        folder = method_folder(self.results, label)
        write_method(folder, MethodFile(label=label, entry=f"toy:{label}", card=card))

    def pair(
        self,
        label: str,
        clip: str,
        edit: str,
        text: float | None = 0.3,
        motion: float | None = 0.8,
        *,
        seed: int = 0,
        reference: str = "forward",
        failure: str = "",
        scored: bool = True,
        marked: bool = False,
        origin: dict[str, Any] | None = None,
        record: dict[str, Any] | None = None,
    ) -> Path:
        """Write one result; `origin` and `record` replace fields of the scores and the record."""
        from smmbench.marks import RULES
        from smmbench.metrics import metric
        from smmbench.results import (
            VIDEO,
            Environment,
            Mark,
            Request,
            RunRecord,
            Score,
            ScoreFile,
            parameters_sha256,
            result_folder,
            write_record,
            write_scores,
        )
        from smmbench.scoring.intact import video_file

        place = {"dataset": "toy", "dataset_version": 1, "clip": clip, "edit": edit, "seed": seed}
        request = Request.model_validate({"method": label, "reference": reference} | place)
        folder = result_folder(self.results, request)
        pixels = "" if failure else hashlib.sha256(f"{label}/{clip}/{edit}".encode()).hexdigest()
        fields: dict[str, Any] = {
            "status": "failed" if failure else "done",
            "request": request,
            "source_sha256": self.source_sha256(clip),
            "prompt": f"a {edit} like {clip}",
            "entry": f"toy:{label}",
            "parameters": {},
            "parameters_sha256": parameters_sha256(f"toy:{label}", {}, {}),
            "environment": Environment(device="cpu: toy", python="3.11", packages={"torch": "2"}),
            "prepare_seconds": 10.0,
            "transfer_seconds": 2.0,
            "peak_memory_bytes": 2**30,
            "pixels_sha256": pixels,
            "failure": {"kind": failure, "message": "M", "stage": "transfer"} if failure else None,
        }
        write_record(folder, RunRecord.model_validate(fields | (record or {})))
        if failure:
            return folder
        self.write_video(folder / VIDEO, label)
        if not scored:
            return folder
        directions = {} if motion is None else {"source_to_output": motion - 0.1}
        directions |= {} if motion is None else {"output_to_source": motion + 0.1}
        scores = tuple(
            Score(
                metric=name,
                version=metric(name).version,
                value=value,
                details=details,
                key="0" * 64,
                origin={"output": pixels, "protocol": {"frames": 4}, "weights": "w"}
                | (origin or {}),
            )
            for name, value, details in (
                ("text_similarity", text, {}),
                ("motion_fidelity", motion, directions),
            )
        )
        marks = tuple(
            Mark(
                name=rule.name,
                version=rule.version,
                value=float(rule.side == "below") if not (marked and rule is RULES[0]) else 0.0,
                threshold=rule.threshold,
                side=rule.side,
                key="0" * 64,
                origin={"output": pixels},
            )
            for rule in RULES
        )
        file = ScoreFile(
            request=request,
            pixels_sha256=pixels,
            scores=scores,
            marks=marks,
            video_file=video_file(folder / VIDEO),
        )
        write_scores(folder, file)
        return folder

    def whole(
        self, label: str, text: float = 0.3, motion: float = 0.8, kind: str = "method"
    ) -> None:
        """Write a method that answers every pair; clips differ a little, edits less."""
        self.method(label, kind)
        for i, clip in enumerate(self.clips):
            for j, edit in enumerate(self.edits):
                shift = 0.02 * (i - (len(self.clips) - 1) / 2) + 0.001 * (j - 0.5)
                self.pair(label, clip, edit, text + shift / 4, motion + shift)
