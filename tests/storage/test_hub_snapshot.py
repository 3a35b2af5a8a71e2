"""The hub, in reach or not: one sentence for all; faults of the machine stay faults of it."""

from __future__ import annotations

import errno
import logging
import threading
import warnings
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from smmbench.storage import hub_snapshot
from smmbench.storage.hub_snapshot import is_commit, offline, snapshot

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def _answers(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = []

    def download(repository: str, **options: Any) -> str:
        asked.append({"repository": repository, **options})
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    return asked


def test_the_named_commit_is_asked_for_and_its_folder_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = _answers(monkeypatch, tmp_path)
    assert snapshot("a/b", COMMIT, "Copy it.", kind="dataset", files=("*.json",)) == tmp_path
    assert asked == [
        {
            "repository": "a/b",
            "repo_type": "dataset",
            "revision": COMMIT,
            "allow_patterns": ["*.json"],
            "ignore_patterns": None,
        }
    ]


@pytest.mark.parametrize("error", [ConnectionError("x"), RuntimeError("x"), OSError("x")])
def test_a_hub_out_of_reach_is_one_sentence_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    _answers(monkeypatch, error)
    said = (
        rf"^The hub does not provide the model 'a/b' at {COMMIT[:12]} "
        rf"\({type(error).__name__}: x\), "
        r"and it is not in the cache \(HF_HOME\)\. HF_HUB_OFFLINE is set\. Copy it\.$"
    )
    with pytest.raises(LookupError, match=said):
        snapshot("a/b", COMMIT, "Copy it.")


def test_retries_are_not_reported_while_something_is_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    logger = logging.getLogger("huggingface_hub.utils._http")
    before, during = logger.level, []

    def download(*_: Any, **__: Any) -> str:
        during.append(logger.isEnabledFor(logging.WARNING))
        raise ConnectionError("x")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(LookupError, match="does not provide"):
        snapshot("a/b", COMMIT, "Copy it.")
    assert during == [False] and logger.level == before


def test_what_takes_long_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_snapshot, "SECONDS_SILENT", 0.0)
    said = threading.Event()
    warned: list[str] = []

    def warn(message: str, **_: Any) -> None:
        warned.append(message)
        said.set()

    monkeypatch.setattr(warnings, "warn", warn)
    with hub_snapshot.quiet_retries("The model 'a/b'"):
        assert said.wait(60)
    (message,) = warned
    assert message.startswith("The model 'a/b' is being fetched") and "HF_HUB_OFFLINE=1" in message


def test_offline_is_said_only_where_it_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    _answers(monkeypatch, ConnectionError("x"))
    with pytest.raises(LookupError) as raised:
        snapshot("a/b", COMMIT, "Copy it.")
    assert "HF_HUB_OFFLINE" not in str(raised.value)


def test_a_full_disk_is_no_answer_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    _answers(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(OSError, match="No space left"):
        snapshot("a/b", COMMIT, "Copy it.")


@pytest.mark.parametrize(
    ("value", "is_set"), [("1", True), ("true", True), ("ON", True), ("0", False), ("", False)]
)
def test_offline_is_spelled_as_the_hub_s_library_takes_it(
    monkeypatch: pytest.MonkeyPatch, value: str, is_set: bool
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert offline() is is_set


@pytest.mark.parametrize("revision", ["main", "", COMMIT[:12], COMMIT.upper()])
def test_a_revision_that_can_move_is_no_commit(revision: str) -> None:
    assert is_commit(COMMIT)
    assert not is_commit(revision)
