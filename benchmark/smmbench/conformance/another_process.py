"""Run the first request in another process, like a resumed run, a shard or a worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from smmbench.conformance.trial import Made, Trial
from smmbench.conformance.world import load_world
from smmbench.environment import use_tensor_cores
from smmbench.method.parameters import parameters_from_json, parameters_to_json
from smmbench.resolving import load_class
from smmbench.video import Video

HASH_SEED = "4711"  # of Python's hash(), which otherwise differs in each process
START_SECONDS = 300.0  # to import, load and prepare, besides the limit of two calls
CODE = "from smmbench.conformance.another_process import main; main()"


def made_elsewhere(trial: Trial) -> tuple[Made | None, str]:
    """Return another process's output for the first request, or None and the reason."""
    question = {
        "method": trial.reference,
        "parameters": parameters_to_json(trial.parameters),
        "device": trial.device,
        "dataset": trial.world.named,
        "threads": torch.get_num_threads(),  # sums round otherwise with others
    }
    with tempfile.TemporaryDirectory(prefix="smmbench-check-") as folder:
        place = Path(folder)
        (place / "question.json").write_text(json.dumps(question), encoding="utf-8")
        try:
            ended = subprocess.run(
                [sys.executable, "-P", "-c", CODE, folder],  # nothing of the working folder
                env=os.environ | {"PYTHONHASHSEED": HASH_SEED},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=START_SECONDS + 2 * trial.limit,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            return None, f"it was still running after {error.timeout:g} s"
        if ended.returncode or not (place / "made.npz").is_file():
            said = ended.stderr.decode(errors="replace").strip().splitlines()
            return None, said[-1] if said else f"it exited with code {ended.returncode}"
        with np.load(place / "made.npz", allow_pickle=False) as content:
            video = Video(content["frames"], float(content["fps"]))
    return Made(video, video.pixels_sha256, 0.0), ""


def main() -> None:
    """Answer the question in the folder that is the first argument."""
    place = Path(sys.argv[1])
    question = json.loads((place / "question.json").read_text(encoding="utf-8"))
    torch.set_num_threads(question["threads"])
    use_tensor_cores(question["device"])
    world, method = load_world(question["dataset"]), load_class(question["method"])
    made = method(parameters_from_json(method, question["parameters"]), question["device"])
    source, first = world.source(0), world.first
    video = made.transfer(made.prepare(source), first.prompt, first.seed)
    np.savez(place / "made.npz", frames=video.frames, fps=video.fps)
