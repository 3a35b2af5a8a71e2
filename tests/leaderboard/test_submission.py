"""From results to an archive and back: what is true is verified, what is not is found."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.builders.tiny_results import SAID, video, write_tiny_moves, write_tiny_results
from typer.testing import CliRunner

from smmbench.dataset import load_dataset
from smmbench.importing.importer import import_outputs
from smmbench.importing.output_files import Batch, find_outputs
from smmbench.method import Card
from smmbench.metrics import metric_names
from smmbench.results import (
    Failure,
    find_records,
    write_record,
)
from smmbench.running.executors import named_executor
from smmbench.running.loop import plan_run, run
from smmbench.scoring.loop import ScoreLoop
from smmbench.scoring.options import Options
from smmbench.storage.array_cache import origin_key
from smmbench.storage.home import file_sha256
from smmbench.video import write_lossless
from smmbench_leaderboard.submission.archive import pack, unpack
from smmbench_leaderboard.submission.bounds import STATED
from smmbench_leaderboard.submission.packing import MANIFEST, submit
from smmbench_leaderboard.submission.verification import Report, verify

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory, tiny_clip: Path) -> Path:
    return write_tiny_moves(tmp_path_factory.mktemp("tiny-moves"), tiny_clip)


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory, manifest: Path) -> Path:
    """Results that are made and scored once, to be copied."""
    return write_tiny_results(tmp_path_factory.mktemp("scored"), manifest)


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory, scored: Path, manifest: Path) -> Path:
    """The archive of those results, to be copied."""
    return submit(scored, tmp_path_factory.mktemp("packed") / "submission.zip", str(manifest)).path


@pytest.fixture
def results(tmp_path: Path, scored: Path) -> Path:
    return shutil.copytree(scored.parent, tmp_path / "results") / scored.name


@pytest.fixture
def archive(packed: Path, tmp_path: Path) -> Path:
    path = tmp_path / packed.name
    shutil.copy(packed, path)
    return path


def fail(results: Path, clip: str) -> None:
    """Turn one result into a failed one."""
    folder = results / "tiny-moves" / clip / "dog" / "seed-0"
    record = next(record for place, record in find_records(results) if place == folder)
    failure = Failure(kind="nan", message="M", stage="transfer")
    changed = {"status": "failed", "failure": failure, "pixels_sha256": ""}
    write_record(folder, record.model_copy(update=changed))
    (folder / "video.mkv").unlink()
    (folder / "scores.json").unlink()


def forged(archive: Path, change: Callable[[Path], None], relist: bool = True) -> Path:
    """The archive after a change to its files, by someone who also writes a new list of them."""
    folder = archive.parent / "forged"
    folder.mkdir()
    unpack(archive, folder)
    change(folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    files = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    if relist:
        manifest["files"] = [
            {"path": name, "sha256": file_sha256(path), "size": path.stat().st_size}
            for name, path in sorted(files.items())
            if name != MANIFEST
        ]
        (folder / MANIFEST).write_text(json.dumps(manifest))
    pack(archive.parent / "forged.zip", files)
    shutil.rmtree(folder)
    return archive.parent / "forged.zip"


def in_json(path: str, change: Change) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        content = json.loads((folder / path).read_text())
        change(content)
        (folder / path).write_text(json.dumps(content))

    return apply


def set_to(*keys: str, value: Any) -> Change:
    def apply(content: dict[str, Any]) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return apply


PAIR = "pairs/a/dog/seed-0"


def test_what_is_computed_is_chosen_by_who_verifies(
    results: Path, manifest: Path, tmp_path: Path
) -> None:
    """A claim of a metric loads nothing; `verify --metrics` computes and compares it."""
    records = list(find_records(results))
    loop = ScoreLoop(Options(metrics=("ftd",)), [load_dataset(manifest)])
    assert not any(outcome.error for outcome in loop.run(records))
    path = submit(results, tmp_path / "more.zip", str(manifest)).path
    report = check(path, manifest)
    assert {claim.metric for claim in report.claims} == set(metric_names())
    assert any("Claims of ftd are ignored" in warning for warning in report.warnings)
    chosen = verify(path, str(manifest), metrics=("ftd",))
    assert (chosen.verdict, chosen.warnings) == ("verified", (STATED,))
    assert chosen.largest_difference == 0
    assert {claim.metric for claim in chosen.claims} == {*metric_names(), "ftd"}


def check(archive: Path, manifest: Path) -> Report:
    return verify(archive, str(manifest))


def test_an_honest_submission_is_verified(archive: Path, manifest: Path) -> None:
    report = check(archive, manifest)
    assert (report.verdict, report.problems, report.warnings) == ("verified", (), (STATED,))
    assert report.largest_difference == 0
    assert {claim.metric for claim in report.claims} == set(metric_names())
    assert report.board is not None
    assert report.board.rows[0].coverage.done == 2


def test_the_same_results_give_the_same_bytes(
    results: Path, manifest: Path, tmp_path: Path
) -> None:
    one, two = (submit(results, tmp_path / name, str(manifest)) for name in ("1.zip", "2.zip"))
    assert one.sha256 == two.sha256 == hashlib.sha256(two.path.read_bytes()).hexdigest()
    names = set(zipfile.ZipFile(one.path).namelist())
    assert {MANIFEST, "method.json", f"{PAIR}/video.mkv", f"{PAIR}/record.json"} <= names
    assert not any(name.endswith(".mp4") for name in names)


def test_missing_pairs_are_refused_unless_said(
    results: Path, manifest: Path, tmp_path: Path
) -> None:
    shutil.rmtree(results / "tiny-moves" / "b")
    with pytest.raises(ValueError, match=r"lacks 1 of 2 pairs.*b/dog/0.*--allow-partial"):
        submit(results, tmp_path / "s.zip", str(manifest))
    assert not (tmp_path / "s.zip").exists()
    written = submit(results, tmp_path / "s.zip", str(manifest), allow_partial=True)
    assert written.submission.partial and written.submission.missing == 1
    report = check(written.path, manifest)
    assert report.verdict == "verified"
    assert any("Partial: 1 missing" in warning for warning in report.warnings)
    assert report.board is not None and report.board.rows[0].coverage.missing == 1


def test_all_that_a_submission_lacks_is_said_at_once(
    results: Path, manifest: Path, tmp_path: Path
) -> None:
    """The author of a card may be asked today, while the missing pairs are still being made."""
    shutil.rmtree(results / "tiny-moves" / "b")
    in_json("method.json", set_to("card", "authors", value=""))(results)
    with pytest.raises(ValueError, match=r"lacks 1 of 2 pairs.*does not state authors.*--authors"):
        submit(results, tmp_path / "s.zip", str(manifest))
    written = submit(
        results, tmp_path / "s.zip", str(manifest), allow_partial=True, facts={"authors": "A. Toy"}
    )
    assert not any("marked" in one for one in written.warnings)


def test_failed_pairs_go_along_and_count_as_worst(
    results: Path, manifest: Path, tmp_path: Path
) -> None:
    fail(results, "b")
    written = submit(results, tmp_path / "s.zip", str(manifest))
    assert any("1 failed pairs" in warning for warning in written.warnings)
    report = check(written.path, manifest)
    assert report.verdict == "verified"
    assert report.board is not None
    assert report.board.rows[0].coverage.failed == {"nan": 1}


def test_one_submission_is_of_one_method(results: Path, manifest: Path, tmp_path: Path) -> None:
    shutil.copytree(results, results.parent / "other")
    for path in (results.parent / "other").rglob("*.json"):
        path.write_text(path.read_text().replace('"toy"', '"other"'))
    with pytest.raises(ValueError, match=r"several methods \(other, toy\)"):
        submit(results.parent, tmp_path / "s.zip", str(manifest))
    assert submit(results, tmp_path / "s.zip", str(manifest)).submission.method == "toy"


def test_claimed_scores_that_are_not_theirs(archive: Path, manifest: Path) -> None:
    def raise_motion(content: dict[str, Any]) -> None:
        for score in content["scores"]:
            score["value"] = 0.999

    report = check(forged(archive, in_json(f"{PAIR}/scores.json", raise_motion)), manifest)
    honest = check(archive, manifest)
    assert report.verdict == "differs"
    assert report.largest_difference is not None and report.largest_difference > 0.01
    assert report.board is not None and honest.board is not None
    assert report.board.rows[0].cells == honest.board.rows[0].cells  # the claim changed nothing


@pytest.mark.parametrize(("shift", "verdict"), [(1e-7, "verified"), (1e-4, "differs")])
def test_a_claim_may_differ_by_rounding_and_no_more(
    archive: Path, manifest: Path, shift: float, verdict: str
) -> None:
    def move(content: dict[str, Any]) -> None:
        for score in content["scores"]:
            if score["metric"] == "motion_fidelity":
                score["value"] -= shift

    report = check(forged(archive, in_json(f"{PAIR}/scores.json", move)), manifest)
    assert report.verdict == verdict
    assert report.largest_difference == pytest.approx(shift, rel=1e-3)


@pytest.mark.slow
def test_claims_under_other_terms_are_not_held_against_it(
    archive: Path, manifest: Path, results: Path, tmp_path: Path
) -> None:
    loop = ScoreLoop(Options(tracker="dis"), [load_dataset(manifest)])
    assert not any(outcome.error for outcome in loop.run(list(find_records(results))))
    written = submit(results, tmp_path / "dis.zip", str(manifest))
    (said,) = written.warnings
    assert "from another protocol (tracker dis instead of lucas-kanade)" in said
    report = check(written.path, manifest)
    assert report.verdict == "verified"
    assert any("scored with tracker dis instead of lucas-kanade" in w for w in report.warnings)
    assert "motion_fidelity" not in {claim.metric for claim in report.claims}
    honest = check(archive, manifest)
    assert report.board is not None and honest.board is not None
    assert report.board.rows[0].cells == honest.board.rows[0].cells

    def older(content: dict[str, Any]) -> None:
        for score in content["scores"]:
            if score["metric"] == "motion_fidelity":
                score["version"] = score["origin"]["version"] = 1
                score["key"] = origin_key(score["origin"])

    old = check(forged(archive, in_json(f"{PAIR}/scores.json", older)), manifest)
    assert old.verdict == "verified"
    assert any("they are of version 1 of the metric" in warning for warning in old.warnings)


def test_scores_of_a_protocol_with_more_fields_are_said(
    results: Path, manifest: Path, tmp_path: Path
) -> None:
    """A prefix is not dumped where it is empty."""
    for path in results.rglob("scores.json"):
        content = json.loads(path.read_text())
        for score in content["scores"]:
            score["origin"]["protocol"]["text_prefix"] = "a video of "
            score["key"] = origin_key(score["origin"])
        path.write_text(json.dumps(content))
    written = submit(results, tmp_path / "prefix.zip", str(manifest))
    assert any("text_prefix a video of  instead of none" in one for one in written.warnings)


def test_a_submission_without_scores_is_told_so(
    results: Path, manifest: Path, tmp_path: Path
) -> None:
    for path in results.rglob("scores.json"):
        path.unlink()
    written = submit(results, tmp_path / "bare.zip", str(manifest))
    assert any("2 videos are not scored on both axes" in warning for warning in written.warnings)


def test_imported_videos_can_be_submitted(manifest: Path, tmp_path: Path) -> None:
    dataset = load_dataset(manifest)
    for i, clip in enumerate(dataset.manifest.clips):
        write_lossless(tmp_path / "outputs" / clip.name / "dog.mkv", video(20 + i))
    card = Card("Elsewhere", kind="imported", paper="A paper", licence="MIT", **SAID)
    batch = Batch("elsewhere", card, find_outputs(dataset, tmp_path / "outputs"))
    assert {one.state for one in import_outputs(tmp_path / "r", dataset, batch)} == {"imported"}
    loop = ScoreLoop(Options(), [dataset])
    assert not any(one.error for one in loop.run(list(find_records(tmp_path / "r"))))
    written = submit(tmp_path / "r" / "elsewhere", tmp_path / "elsewhere.zip", str(manifest))
    report = check(written.path, manifest)
    assert (report.verdict, report.problems) == ("verified", ())
    assert report.board is not None and report.board.rows[0].imported

    def disguised(content: dict[str, Any]) -> None:
        content["imported"] = None

    false = forged(written.path, in_json(f"{PAIR}/record.json", disguised))
    assert "other code" in str(check(false, manifest).problems)


def test_no_claims_are_fine(archive: Path, manifest: Path) -> None:
    def remove(folder: Path) -> None:
        for path in folder.rglob("scores.json"):
            path.unlink()

    report = check(forged(archive, remove), manifest)
    assert (report.verdict, report.claims) == ("verified", ())


def swap(folder: Path) -> None:
    shutil.copy(folder / "pairs/b/dog/seed-0/video.mkv", folder / PAIR / "video.mkv")


def re_encode(folder: Path) -> None:
    write_lossless(folder / PAIR / "video.mkv", video(99))


def shorter(folder: Path) -> None:
    write_lossless(folder / PAIR / "video.mkv", video(10, frames=3))
    in_json(f"{PAIR}/record.json", set_to("pixels_sha256", value=video(10, 3).pixels_sha256))(
        folder
    )


def no_video(folder: Path) -> None:
    (folder / PAIR / "video.mkv").unlink()


def not_a_video(folder: Path) -> None:
    (folder / PAIR / "video.mkv").write_bytes(b"\x80\x04\x95pickle")


def drop(folder: Path) -> None:
    shutil.rmtree(folder / "pairs/b")


def extra(folder: Path) -> None:
    (folder / PAIR / "notes.json").write_text("{}")


def elsewhere(folder: Path) -> None:
    shutil.move(folder / "pairs/b", folder / "pairs/c")


def deep(folder: Path) -> None:
    (folder / PAIR / "record.json").write_text("[" * 100_000)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (swap, "other pixels than its record"),
        (re_encode, "other pixels than its record"),
        (shorter, "cannot be scored"),
        (no_video, "has no video"),
        (not_a_video, "cannot be scored"),
        (drop, "It says 2 done"),
        (extra, "not belong"),
        (elsewhere, "do not belong"),
        (deep, "not a readable"),
        (in_json(f"{PAIR}/record.json", set_to("prompt", value="a cat")), "another prompt"),
        (in_json(f"{PAIR}/record.json", set_to("source_sha256", value="f" * 64)), "source clip"),
        (in_json(f"{PAIR}/record.json", set_to("parameters", "a", value=1)), "parameter hash"),
        (in_json(f"{PAIR}/record.json", set_to("request", "method", value="x")), "made by 'x'"),
        (in_json(f"{PAIR}/record.json", set_to("request", "clip", value="..")), "another pair"),
        (in_json(f"{PAIR}/record.json", set_to("request", "seed", value=7)), "another pair"),
        (in_json(f"{PAIR}/record.json", set_to("evil", value=1)), "not a readable"),
        (in_json("method.json", set_to("label", value="../x")), "card is of"),
        (in_json("method.json", set_to("entry", value="other:Code")), "other code"),
        (in_json(MANIFEST, set_to("method", value="../../x")), "not a readable"),
        (in_json(MANIFEST, set_to("schema_version", value=9)), "schema version 9"),
        (in_json(MANIFEST, set_to("dataset_version", value=2)), "version 2"),
        (in_json(MANIFEST, set_to("dataset_sha256", value="f" * 64)), "different manifest"),
        (in_json(MANIFEST, set_to("protocol", "grid", value=2)), "protocol is not"),
        (in_json(MANIFEST, set_to("done", value=3)), "It says 3 done"),
    ],
)
def test_what_is_not_what_it_says_is_refused(
    archive: Path, manifest: Path, change: Callable[[Path], None], problem: str
) -> None:
    report = check(forged(archive, change), manifest)
    assert report.verdict == "refused"
    assert any(problem in found for found in report.problems), report.problems
    assert report.board is None


@pytest.mark.parametrize("change", [swap, extra, no_video])
def test_files_that_are_not_the_listed_ones(
    archive: Path, manifest: Path, change: Callable[[Path], None]
) -> None:
    report = check(forged(archive, change, relist=False), manifest)
    assert report.verdict == "refused"
    assert "List and content differ" in report.problems[0] or "SHA-256" in report.problems[0]


def test_the_source_itself_is_no_result(tmp_path: Path, manifest: Path) -> None:
    """A copy has perfect motion: only a bundled control may be one."""
    results = write_tiny_results(tmp_path / "method", manifest, copy=True)
    written = submit(results, tmp_path / "method.zip", str(manifest))
    assert any("copies of their source" in one for one in written.warnings)
    assert any("2 of 2 videos are marked" in one for one in written.warnings)
    report = check(written.path, manifest)
    assert report.verdict == "refused"
    assert "copy of the source" in " ".join(report.problems)
    stranger = write_tiny_results(tmp_path / "control", manifest, "control", copy=True)
    with pytest.raises(ValueError, match="Only bundled controls are controls"):
        submit(stranger, tmp_path / "control.zip", str(manifest))


def test_a_bundled_control_may_be_the_source(tmp_path: Path, manifest: Path) -> None:
    plan = plan_run("source-copy", str(manifest), root=tmp_path / "r", device="cpu")
    assert run(plan, named_executor("local")).failed == 0
    facts = SAID | {"licence": "Apache-2.0", "paper": "none"}
    folder = tmp_path / "r" / "source-copy"
    written = submit(folder, tmp_path / "control.zip", str(manifest), facts=facts)
    report = check(written.path, manifest)
    assert (report.verdict, report.problems) == ("verified", ())


def test_a_near_copy_is_no_result(tmp_path: Path, manifest: Path) -> None:
    """One pixel, or all colours: whoever looks for equal pixels misses them."""

    def one_pixel(frames: np.ndarray) -> np.ndarray:
        changed = frames.copy()
        changed[0, 0, 0, 0] ^= 1
        return changed

    for i, change in enumerate((one_pixel, lambda frames: np.roll(frames, 1, axis=-1).copy())):
        results = write_tiny_results(tmp_path / f"method-{i}", manifest, copy=True, change=change)
        written = submit(results, tmp_path / f"method-{i}.zip", str(manifest))
        report = check(written.path, manifest)
        assert report.verdict == "refused", report.problems
        assert "near-copy of the source" in " ".join(report.problems)


def test_one_video_for_several_pairs_is_said(archive: Path, manifest: Path) -> None:
    def same(folder: Path) -> None:
        swap(folder)
        pixels = video(11).pixels_sha256
        in_json(f"{PAIR}/record.json", set_to("pixels_sha256", value=pixels))(folder)

    report = check(forged(archive, same), manifest)
    assert any("same pixels stand for 2 pairs" in warning for warning in report.warnings)


def test_a_dataset_that_is_not_here(archive: Path) -> None:
    report = verify(archive)
    assert report.verdict == "refused"
    assert report.problems[0].startswith("No dataset 'tiny-moves'; available: ")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No file"):
        verify(tmp_path / "none.zip")


def test_a_dataset_name_is_never_a_path(archive: Path, manifest: Path) -> None:
    path = forged(archive, in_json(MANIFEST, set_to("dataset", value=str(manifest))))
    report = verify(path)
    assert report.verdict == "refused" and "No dataset" in report.problems[0]


def test_commands_and_exit_codes(results: Path, manifest: Path, tmp_path: Path) -> None:
    import typer

    from smmbench_leaderboard.cli import register

    app = typer.Typer()
    register(app)
    runner = CliRunner()
    output, table = tmp_path / "s.zip", tmp_path / "board.json"
    given = ["--dataset", str(manifest)]
    packed = runner.invoke(app, ["submit", str(results), "--output", str(output), *given])
    assert (packed.exit_code, packed.stdout.split()) == (0, [file_sha256(output), str(output)])
    good = runner.invoke(app, ["verify", str(output), *given, "--device", "cpu", "--json"])
    assert (good.exit_code, json.loads(good.stdout)["verdict"]) == (0, "verified")
    bad = forged(output, re_encode)
    refused = runner.invoke(app, ["verify", str(bad), *given, "--device", "cpu"])
    assert refused.exit_code == 1
    assert "problem: 'pairs/a/dog/seed-0' decodes to other pixels" in refused.stdout
    bomb = runner.invoke(app, ["verify", str(output), *given, "--max-gib", "0"])
    assert bomb.exit_code == 1 and "too much" in bomb.stdout
    shown = runner.invoke(app, ["leaderboard", str(results.parent), *given, "-o", str(table)])
    assert shown.exit_code == 0
    assert json.loads(table.read_text())["rows"][0]["label"] == "toy"
