"""Adapters of trackers without a non-commercial clause, against stand-ins of their call shapes."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from smmbench.tracking import Tracks, open_tracker
from smmbench.tracking import alltracker as alltracker_module
from smmbench.tracking.alltracker import AllTracker
from smmbench.tracking.checking import STEP, check, moving_texture
from smmbench.tracking.grid import grid_points
from smmbench.tracking.resizing import Resizing
from smmbench.video import Video

GRID = 4
Run = Callable[..., tuple[int, str, str]]


class StandInTAPIR(torch.nn.Module):
    """Moves every query by STEP a frame of a clip of 64x48; calls the even points occluded."""

    def __init__(self, pyramid_level: int) -> None:
        super().__init__()
        assert pyramid_level == 1
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, video: torch.Tensor, queries: torch.Tensor) -> dict[str, torch.Tensor]:
        assert video.shape == (1, 5, 256, 256, 3) and -1 <= video.min() < video.max() <= 1
        assert (queries[..., 0] == 0).all()
        t = torch.arange(5)[None, None, :, None]
        step = torch.tensor([STEP[0] * 256 / 64, STEP[1] * 256 / 48])
        tracks = queries[:, :, None, [2, 1]] + t * step  # (y, x) in, (x, y) out
        even = torch.arange(queries.shape[1]) % 2 == 0
        occlusion = torch.where(even, 9.0, -9.0)[None, :, None].expand(1, -1, 5)
        return {"tracks": tracks, "occlusion": occlusion, "expected_dist": occlusion * 0 - 9}


class StandInTAPNextPP:
    """Moves every query by STEP a frame of a clip of 64x48; calls the even points unseen."""

    def __init__(self, size: int) -> None:
        self.size = size

    @classmethod
    def from_checkpoint(cls, path: Path, device: str, input_resolution: int) -> StandInTAPNextPP:
        module = torch.nn.Linear(1, 1, bias=False)
        module.load_state_dict(torch.load(path, weights_only=True))
        return cls(input_resolution)

    def track_frame(
        self, frame_bgr: np.ndarray, query_xy: np.ndarray | None, state: Any, autocast: bool
    ) -> tuple[np.ndarray, np.ndarray, Any]:
        assert frame_bgr.dtype == np.uint8 and frame_bgr.shape == (48, 64, 3) and not autocast
        assert frame_bgr[0, 0, 0] == 250  # the clip's blue comes first
        assert (query_xy is None) != (state is None)  # queries with the first frame alone
        xy, t = (query_xy, 0) if query_xy is not None else state
        moved = xy + t * np.array(STEP, np.float32)
        return moved, np.arange(len(xy)) % 2 == 1, (xy, t + 1)


class StandInAllTracker(torch.nn.Module):
    """Every pixel moves by STEP a frame of a clip of 64x48; the left half is trusted."""

    def __init__(self, window: int, init_weights: bool) -> None:
        super().__init__()
        assert window == 16 and not init_weights
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward_sliding(self, video: torch.Tensor, **options: Any) -> tuple[Any, ...]:
        _, time, _, height, width = video.shape
        assert video.max() > 1 and height % 8 == width % 8 == 0 and time >= 3
        step = torch.tensor([STEP[0] * width / 64, STEP[1] * height / 48])
        t = torch.arange(time)[:, None, None, None]
        flow = (t * step[:, None, None]).expand(time, 2, height, width)
        trust = torch.zeros(time, 2, height, width)
        trust[..., : width // 2] = 0.9
        return flow[None], trust[None], None, None


@pytest.fixture
def tapir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    model = types.ModuleType("tapnet.torch.tapir_model")
    model.TAPIR = StandInTAPIR  # type: ignore[attr-defined]
    for name in ("tapnet", "tapnet.torch"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "tapnet.torch.tapir_model", model)
    torch.save({"weight": torch.zeros(1)}, tmp_path / "tapir.pt")
    return tmp_path / "tapir.pt"


@pytest.fixture
def tapnextpp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    names = ["tapnet", "tapnet.tapnextpp", "tapnet.tapnextpp.votsp2026"]
    for name in (*names, f"{names[-1]}.model"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules[f"{names[-1]}.model"].TAPNextPP = StandInTAPNextPP  # type: ignore[attr-defined]
    torch.save({"weight": torch.zeros(1, 1)}, tmp_path / "next.pt")
    return tmp_path / "next.pt"


@pytest.fixture
def clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A clone of AllTracker's layout and a checkpoint."""
    (tmp_path / "clone" / "nets").mkdir(parents=True)
    (tmp_path / "clone" / "nets" / "alltracker.py").write_text("import nets\n\nNet = None\n")
    monkeypatch.setenv("SMMBENCH_ALLTRACKER", str(tmp_path / "clone"))
    torch.save({"model": {"weight": torch.zeros(1)}}, tmp_path / "all.pth")
    return tmp_path / "all.pth"


def dense(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> AllTracker:
    """AllTracker, which takes this CPU for a GPU."""
    monkeypatch.setattr(alltracker_module, "_network", lambda code: StandInAllTracker)
    monkeypatch.setattr(StandInAllTracker, "to", lambda self, device: self)
    parameters = alltracker_module.Parameters(grid=GRID, size=128)
    tracker = AllTracker(checkpoint, parameters, "cuda")
    tracker.device = "cpu"
    return tracker


@pytest.fixture
def video() -> Video:
    frames = np.random.default_rng(0).integers(0, 256, (5, 48, 64, 3), dtype=np.uint8)
    return Video(frames, 8.0)


def moves_by_step(tracks: Tracks) -> None:
    assert tracks.points.shape == (GRID**2, 5, 2)
    np.testing.assert_allclose(tracks.points[:, 0], grid_points(64, 48, GRID))
    steps = np.broadcast_to(np.array(STEP, np.float32), (GRID**2, 4, 2))
    np.testing.assert_allclose(np.diff(tracks.points, axis=1), steps, atol=2e-3)


def test_bootstapir_gives_the_grid_in_pixels_of_the_clip(tapir: Path, video: Video) -> None:
    tracker = open_tracker(f"bootstapir:{tapir}", GRID, "cpu")
    tracks = tracker.track(video)
    moves_by_step(tracks)
    assert tracks.visible[1::2].all() and not tracks.visible[0::2].any()
    origin = tracker.origin()
    assert origin["tracker"] == "bootstapir" and origin["size"] == 256
    assert len(origin["checkpoint_sha256"]) == 64 and str(tapir) not in json.dumps(origin)


@pytest.mark.parametrize(("name", "size"), [("tapnextpp", 256), ("tapnextpp-512", 512)])
def test_tapnextpp_gives_the_grid_in_pixels_of_the_clip(
    tapnextpp: Path, name: str, size: int
) -> None:
    frames = np.full((5, 48, 64, 3), (10, 100, 250), dtype=np.uint8)
    tracker = open_tracker(f"{name}:{tapnextpp}", GRID, "cpu")
    tracks = tracker.track(Video(frames, 8.0))
    moves_by_step(tracks)
    assert tracks.visible[1::2].all() and not tracks.visible[0::2].any()
    origin = tracker.origin()
    assert origin["tracker"] == "tapnextpp" and origin["size"] == size
    assert len(origin["checkpoint_sha256"]) == 64 and str(tapnextpp) not in json.dumps(origin)
    assert tracker.model.size == size  # type: ignore[attr-defined]


def test_published_files_that_would_load_wrongly_are_known_by_their_names(
    tapnextpp: Path, tapir: Path
) -> None:
    other = tapnextpp.rename(tapnextpp.with_name("tapnextpp_512.ckpt"))
    with pytest.raises(ValueError, match=r"512x512 by its name.*--tracker tapnextpp-512:"):
        open_tracker(f"tapnextpp:{other}", GRID, "cpu")
    open_tracker(f"tapnextpp-512:{other}", GRID, "cpu")
    causal = tapir.rename(tapir.with_name("causal_bootstapir_checkpoint.pt"))
    with pytest.raises(ValueError, match=r"causal model by its name.*The offline model"):
        open_tracker(f"bootstapir:{causal}", GRID, "cpu")


def test_alltracker_reads_the_grid_off_a_dense_map(
    clone: Path, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = dense(clone, monkeypatch)
    tracks = tracker.track(video)
    moves_by_step(tracks)
    left = grid_points(64, 48, GRID)[:, 0] < 32
    np.testing.assert_array_equal(tracks.visible, np.repeat(left[:, None], 5, axis=1))
    assert set(tracker.origin()["code"]) == {"alltracker.py"}
    two = tracker.track(Video(video.frames[:2], 8.0))
    assert two.points.shape == (GRID**2, 2, 2)


@pytest.mark.usefixtures("clone")
def test_alltrackers_modules_do_not_stay_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = types.ModuleType("utils")
    monkeypatch.setitem(sys.modules, "utils", mine)
    code = alltracker_module._clone()
    assert alltracker_module._network(code) is None
    assert sys.modules["utils"] is mine and "nets" not in sys.modules
    assert str(code) not in sys.path


def test_what_is_missing_is_said(
    tapir: Path, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"bootstapir_checkpoint_v2\.pt \(Apache-2\.0\)"):
        open_tracker(f"bootstapir:{tmp_path / 'none.pt'}", GRID, "cpu")
    with pytest.raises(ValueError, match=r"NVIDIA GPU only, not on 'cpu'"):
        open_tracker(f"alltracker:{clone}", GRID, "cpu")
    monkeypatch.delenv("SMMBENCH_ALLTRACKER")
    with pytest.raises(ImportError, match=r"SMMBENCH_ALLTRACKER is not set.*git clone"):
        open_tracker(f"alltracker:{clone}", GRID, "cuda")
    monkeypatch.setitem(sys.modules, "tapnet.tapnextpp", None)
    with pytest.raises(ImportError, match=r"pip install .*tapnet@[0-9a-f]{40}.*--tracker dis"):
        open_tracker("tapnextpp:/none.pt", GRID, "cpu")
    monkeypatch.setitem(sys.modules, "tapnet.torch.tapir_model", None)
    with pytest.raises(ImportError, match=r"pip install .*tapnet@[0-9a-f]{40}.*--tracker dis"):
        open_tracker(f"bootstapir:{tapir}", GRID, "cpu")


class Adapters:
    """Every learned tracker with a stand-in of its code, opened on one file."""

    names = ("bootstapir", "tapnextpp", "tapnextpp-512", "alltracker", "cotracker2", "cotracker3")

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        module = types.ModuleType("cotracker.predictor")
        module.CoTrackerPredictor = self.predictor  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "cotracker", types.ModuleType("cotracker"))
        monkeypatch.setitem(sys.modules, "cotracker.predictor", module)
        monkeypatch.setattr(alltracker_module, "_network", lambda code: StandInAllTracker)

    @staticmethod
    def predictor(checkpoint: str, **options: Any) -> torch.nn.Module:
        module = torch.nn.Linear(1, 1)
        module.load_state_dict(torch.load(checkpoint))
        return module

    def refusal(self, name: str, path: Path) -> str:
        """What opening it says."""
        with pytest.raises(ValueError) as refused:
            open_tracker(f"{name}:{path}", GRID, "cuda" if name == "alltracker" else "cpu")
        return str(refused.value)


@pytest.fixture
def adapters(
    tapir: Path, tapnextpp: Path, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> Adapters:
    return Adapters(monkeypatch)


def a_checkpoint(path: Path, size: int = 10_000) -> bytes:
    torch.save({"weight": torch.zeros(size)}, path)
    return path.read_bytes()


NOT_WEIGHTS = {
    "page": (
        b"<!DOCTYPE html><html>Sign in</html>",
        "it is a web page",
        "Download the file itself",
    ),
    "page after a mark": (b"\xef\xbb\xbf\n<html>", "it is a web page", "Download the file itself"),
    "pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "a pointer of Git LFS",
        "git lfs pull",
    ),
    "empty": (b"", "it is empty", "Download the weights again"),
    "text": (b"404: Not Found", "damaged, or another kind", "Download the weights again"),
}


@pytest.mark.parametrize("name", Adapters.names)
@pytest.mark.parametrize("case", [*NOT_WEIGHTS, "cut", "jax"])
def test_a_file_that_is_no_checkpoint_is_refused_in_words(
    adapters: Adapters, tmp_path: Path, name: str, case: str
) -> None:
    path = tmp_path / "weights.pth"
    if case == "cut":
        whole = a_checkpoint(path)
        path.write_bytes(whole[: len(whole) // 2])
        content, what, advice = path.read_bytes(), "it is truncated", "Download the weights again"
    elif case == "jax":
        np.savez(tmp_path / "jax.npz", kernel=np.zeros(3))
        content, what, advice = (tmp_path / "jax.npz").read_bytes(), "NumPy arrays", "PyTorch"
    else:
        content, what, advice = NOT_WEIGHTS[case]
    path.write_bytes(content)
    said = adapters.refusal(name, path)
    assert what in said and advice in said and str(path) in said
    assert "weights_only" not in said and "Pickle" not in said


@pytest.mark.parametrize("name", Adapters.names)
@pytest.mark.parametrize(
    ("tensors", "what"),
    [
        ({"torch_pips_mixer.linear.weight": torch.zeros(2)}, "1 tensor of a model of TAPIR"),
        ({"state_dict": {"tapnext.blocks.0.ssm_block.a": torch.zeros(2)}}, "of TAPNext"),
        ({"model": {"updateformer.vis_conf_head.bias": torch.zeros(2)}}, "of CoTracker3"),
        ({"updateformer.virual_tracks": torch.zeros(2)}, "of CoTracker2"),
        ({"model": {"update_block.motion_encoder.a": torch.zeros(2)}}, "of AllTracker"),
        ({"a": torch.zeros(1), "b": torch.zeros(1)}, "not known here, such as 'a', 'b'"),
    ],
)
def test_weights_of_another_model_are_refused_by_what_they_are(
    adapters: Adapters, tmp_path: Path, name: str, tensors: dict[str, Any], what: str
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(tensors, path)
    said = adapters.refusal(name, path)
    assert f"it holds the {what}" in said or what in said
    assert "does not load as weights of" in said and "supported" in said


@pytest.mark.parametrize("name", Adapters.names)
def test_safetensors_a_folder_and_no_name_at_all_are_refused_in_words(
    adapters: Adapters, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"another": torch.zeros(1)}, path)  # some versions of PyTorch read it
    said = adapters.refusal(name, path)
    assert "does not load as weights of" in said and "weights_only" not in said
    assert "is a folder, not a checkpoint" in adapters.refusal(name, tmp_path)
    assert "needs a checkpoint, and none is named" in adapters.refusal(name, Path())


def test_a_checkpoint_that_holds_code_is_refused_without_advice_to_run_it(tapir: Path) -> None:
    torch.save({"weight": torch.zeros(1), "options": types.SimpleNamespace(a=1)}, tapir)
    with pytest.raises(ValueError, match="holds Python objects, which are code") as refused:
        open_tracker(f"bootstapir:{tapir}", GRID, "cpu")
    assert "trust" not in str(refused.value) and "weights_only" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["cotracker2.1", "cotracker3-online", "tapnext", "tapnextpp-384", "bootstap"]
)
def test_variants_that_are_not_supported_are_named(name: str) -> None:
    with pytest.raises(LookupError, match="supported"):
        open_tracker(f"{name}:/weights.pt", GRID, "cpu")


def test_weights_of_another_model_name_what_is_supported(tapir: Path) -> None:
    torch.save({"other": torch.zeros(1)}, tapir)
    with pytest.raises(ValueError, match=r"the causal \(online\) models.* are not"):
        open_tracker(f"bootstapir:{tapir}", GRID, "cpu")


def test_resizing_there_and_back_is_the_identity() -> None:
    resizing = Resizing(64, 48, 256, 128)
    points = grid_points(64, 48, GRID)
    np.testing.assert_allclose(resizing.back(resizing.there(points)), points, atol=1e-5)
    np.testing.assert_allclose(resizing.there(points), grid_points(256, 128, GRID), rtol=1e-6)


def test_a_texture_moves_by_its_step() -> None:
    frames = moving_texture().frames
    x, y = STEP
    np.testing.assert_array_equal(frames[1][y:, x:], frames[0][:-y, :-x])


@pytest.mark.parametrize("name", ["dis", "lucas-kanade", "farneback"])
def test_the_check_passes_a_tracker_that_follows(name: str) -> None:
    found = check(open_tracker(name, 12, "cpu"))
    assert found.follows and found.median_error < 0.2 and found.seen > 0.9


class Standing:
    """A tracker whose points stay where they begin."""

    def track(self, video: Video, points: np.ndarray | None = None) -> Tracks:
        height, width = video.frames.shape[1:3]
        points = grid_points(width, height, 12) if points is None else points
        still = np.repeat(points[:, None], len(video.frames), axis=1)
        return Tracks(still, np.ones(still.shape[:2], dtype=bool))

    def origin(self) -> dict[str, Any]:
        return {}


def test_the_check_fails_a_tracker_that_stands_still() -> None:
    found = check(Standing())
    assert not found.follows and found.median_error > 1


def test_commands(smmbench: Run) -> None:
    listed = json.loads(smmbench("trackers", "list", "--json")[1])
    assert {kind["license"] for kind in listed} >= {"Apache-2.0", "MIT"}
    assert smmbench("trackers", "list")[0] == 0
    code, out, _ = smmbench("trackers", "check", "dis", "--device", "cpu", "--json")
    assert code == 0 and json.loads(out)["follows"]
    code, _, err = smmbench("trackers", "check", "diss")
    assert code == 2 and "Did you mean 'dis'?" in err
