"""VQAScore and video-text similarity on small random models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.builders.video_models import WORDS, write_tiny_llava, write_tiny_xclip

from smmbench.dataset import load_dataset
from smmbench.metrics import Task, metric
from smmbench.metrics.resources import even_frames
from smmbench.scoring.models.hub_model import WeightsMissingError
from smmbench.scoring.models.judge import Judge
from smmbench.scoring.models.video_text_model import VideoTextModel
from smmbench.scoring.resources import LoadedResources
from smmbench.video import Video

VLM, XCLIP = "SMMBENCH_VLM", "SMMBENCH_XCLIP"
QUESTION = "Does this figure show 'a dog'? Please answer yes or no."


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llava(tmp_path_factory.mktemp("llava"))


@pytest.fixture(scope="module")
def xclip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_xclip(tmp_path_factory.mktemp("xclip"))


@pytest.fixture
def resources(square_dataset: Path) -> LoadedResources:
    dataset = load_dataset(square_dataset)
    return LoadedResources(dataset, dataset.manifest.protocol)


def task_of(resources: LoadedResources, video: Video, prompt: str = "a dog") -> Task:
    clip = resources.dataset.manifest.clips[0]
    return Task(clip, prompt, video, video.pixels_sha256)


def test_frames_are_even_and_include_both_ends() -> None:
    assert even_frames(9, 5).tolist() == [0, 2, 4, 6, 8]
    assert even_frames(3, 5).tolist() == [0, 0, 1, 2, 2]
    assert even_frames(8, 1).tolist() == [0]
    with pytest.raises(ValueError, match="At least one"):
        even_frames(0, 5)


def test_the_probability_is_that_of_the_model_itself(
    monkeypatch: pytest.MonkeyPatch,
    llava: Path,
    resources: LoadedResources,
    moving_square: Video,
) -> None:
    import torch
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    monkeypatch.setenv(VLM, str(llava))
    found = metric("yes_probability")(resources).measure(task_of(resources, moving_square))
    model: Any = LlavaForConditionalGeneration.from_pretrained(llava)
    untyped: Any = AutoProcessor
    processor = untyped.from_pretrained(llava)
    text = f"USER: <image>\n{QUESTION} ASSISTANT:"
    expected = []
    for frame in moving_square.frames:  # eight, as many as are looked at
        inputs = processor(images=[frame], text=text, return_tensors="pt")
        with torch.no_grad():
            logits = model.eval()(**inputs).logits[0, -1]
        expected.append(torch.softmax(logits, -1)[WORDS.index("Yes")].item())
    assert found.value == pytest.approx(np.mean(expected), abs=1e-6)
    assert found.per_frame["yes_probability"] == pytest.approx(expected, abs=1e-6)
    assert 0 < found.details["no"] < 1


def test_an_answer_does_not_depend_on_its_neighbours_and_is_kept(
    monkeypatch: pytest.MonkeyPatch, llava: Path, moving_square: Video
) -> None:
    monkeypatch.setenv(VLM, str(llava))
    judge = Judge(VLM, "cpu")
    all_at_once = judge.answers(moving_square.frames, QUESTION)
    alone = [judge.answers(frame[None], QUESTION)[0] for frame in moving_square.frames]
    assert (all_at_once == np.stack(alone)).all()
    asked: list[str] = []

    def counted(self: Judge, frame: np.ndarray, question: str) -> np.ndarray:
        asked.append(question)
        return np.array([0.5, 0.5], dtype=np.float32)

    monkeypatch.setattr(Judge, "_answer", counted)
    assert (Judge(VLM, "cpu").answers(moving_square.frames, QUESTION) == all_at_once).all()
    assert not asked
    judge.answers(moving_square.frames, "Another question?")
    judge.answers(moving_square.frames[::-1], QUESTION)
    assert len(asked) == 2 * len(moving_square.frames)  # question and frames are in the key


def test_other_weights_are_another_origin_and_another_answer(
    monkeypatch: pytest.MonkeyPatch, llava: Path, tmp_path: Path, moving_square: Video
) -> None:
    monkeypatch.setenv(VLM, str(llava))
    one = Judge(VLM, "cpu")
    monkeypatch.setenv(VLM, str(write_tiny_llava(tmp_path / "other", seed=1)))
    other = Judge(VLM, "cpu")
    assert one.origin()["weights"] != other.origin()["weights"]
    frames = moving_square.frames[:1]
    assert not (one.answers(frames, QUESTION) == other.answers(frames, QUESTION)).all()


def test_what_is_no_judge_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, xclip: Path
) -> None:
    monkeypatch.delenv(VLM, raising=False)
    with pytest.raises(WeightsMissingError, match=r"Set SMMBENCH_VLM .*Nothing is downloaded"):
        Judge(VLM, "cpu")
    monkeypatch.setenv(VLM, str(tmp_path))
    with pytest.raises(WeightsMissingError, match=r"config\.json"):
        Judge(VLM, "cpu")
    monkeypatch.setenv(VLM, str(xclip))
    with pytest.raises(WeightsMissingError, match="does not load"):
        Judge(VLM, "cpu")
    mute = tuple(word.replace("Yes", "Aye") for word in WORDS)
    monkeypatch.setenv(VLM, str(write_tiny_llava(tmp_path / "mute", mute)))
    with pytest.raises(WeightsMissingError, match="no token for 'Yes'"):
        Judge(VLM, "cpu")


def test_a_video_and_its_prompt_have_one_cosine(
    monkeypatch: pytest.MonkeyPatch,
    xclip: Path,
    resources: LoadedResources,
    moving_square: Video,
) -> None:
    monkeypatch.setenv(XCLIP, str(xclip))
    measure = metric("video_text_similarity")(resources)
    found = measure.measure(task_of(resources, moving_square))
    assert -1 <= found.value <= 1 and not found.note
    assert measure.measure(task_of(resources, moving_square)).value == found.value
    dogs, cats = (measure.measure(task_of(resources, moving_square, p)) for p in ("dog", "a cat"))
    assert dogs.value != cats.value
    unseen = moving_square.frames.copy()
    unseen[1] = 0  # frames 0, 2, 5 and 7 of 8 are seen
    model = VideoTextModel(XCLIP, "cpu")
    assert model.similarity(unseen, "a dog") == model.similarity(moving_square.frames, "a dog")
    long = measure.measure(task_of(resources, moving_square, "a dog or " * 10))
    assert "is cut" in long.note


def test_neither_ranks_and_the_reason_is_said() -> None:
    from smmbench_leaderboard.board.columns import RANKING

    for name in ("yes_probability", "video_text_similarity"):
        known = metric(name)
        assert name not in RANKING and known.extra and "not compared with people" in known.caution
        assert known.describe()["caution"] == known.caution
