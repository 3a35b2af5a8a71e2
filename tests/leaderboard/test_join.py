"""Announcements, downloads from untrusted hosts, and what a pull request may contain."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import threading
import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from tests.builders.loopback import content, leads_to, served
from tests.builders.tiny_results import SAID, write_tiny_moves, write_tiny_results

from smmbench.dataset.loading import add_dataset
from smmbench_leaderboard.join.addresses import addresses
from smmbench_leaderboard.join.announcement import (
    LARGEST_ARCHIVE,
    LARGEST_FILE,
    AnnouncementError,
    address_fault,
    read_announcement,
)
from smmbench_leaderboard.join.announcing import announce
from smmbench_leaderboard.join.changes import ChangeError, read_change
from smmbench_leaderboard.join.downloading import DownloadError, Patience, download
from smmbench_leaderboard.join.listing import standings
from smmbench_leaderboard.join.reviewing import review
from smmbench_leaderboard.join.terms import AGREEMENT, FOLDER
from smmbench_leaderboard.join.verifying import verify_announced
from smmbench_leaderboard.ledger.adding import add_board
from smmbench_leaderboard.ledger.entries import Notice, add_notice
from smmbench_leaderboard.submission.packing import submit

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 12, 1)
BODY = bytes(range(256)) * 300
VALUES: dict[str, object] = {
    "schema_version": 1,
    "method": "toy",
    "dataset": "tiny-moves",
    "archive": "https://example.org/submission.zip",
    "size": 5,
    "sha256": "0" * 64,
    "contact": SAID["contact"],
    "agreement": AGREEMENT,
}


def toml(**changes: object) -> str:
    values = {key: value for key, value in (VALUES | changes).items() if value is not None}
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def written(folder: Path, name: str = "toy.toml", **changes: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(toml(**changes))
    return folder / name


# Announcements -------------------------------------------------------------------------------


def test_an_announcement_comes_back(tmp_path: Path) -> None:
    assert read_announcement(written(tmp_path)).model_dump() == VALUES


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"agreement": "yes"}, "agreement: must be, word for word: I may publish"),
        ({"agreement": None}, "agreement: missing"),
        ({"archive": "http://example.org/a.zip"}, "archive: must begin with https://"),
        ({"archive": "file:///etc/passwd"}, "archive: must begin with https://"),
        ({"archive": "https://me:secret@example.org/a"}, "must hold no user name or password"),
        ({"archive": "https://example.org/a b"}, "visible ASCII characters"),
        (
            {"archive": "https://ex\N{CYRILLIC SMALL LETTER A}mple.org/a"},
            "visible ASCII characters",
        ),
        ({"archive": "http://127.0.0.1:80/a.zip"}, "must begin with https://"),
        ({"size": 0}, "size: input should be greater than or equal to 1"),
        ({"size": LARGEST_ARCHIVE + 1}, f"less than or equal to {LARGEST_ARCHIVE}"),
        ({"size": "5"}, "size: input should be a valid integer"),
        ({"sha256": "A" * 64}, "sha256: must be 64 hexadecimal digits in lower case"),
        ({"contact": "a\N{RIGHT-TO-LEFT OVERRIDE}b"}, "contact: has invisible characters"),
        ({"method": "../toy"}, "method: a name is of a-z"),
        ({"schema_version": 2}, "schema_version: input should be 1"),
        ({"archiv": "x"}, "archiv: unknown key. Did you mean 'archive'?"),
    ],
)
def test_what_is_wrong_with_an_announcement_is_said(
    changes: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(AnnouncementError) as caught:
        read_announcement(written(tmp_path, **changes))
    assert says in str(caught.value)


def test_every_fault_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(AnnouncementError) as caught:
        read_announcement(written(tmp_path, "Toy.toml", size=0, sha256="x", agreement="no"))
    assert len(caught.value.faults) == 4


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"method = ", "it is not TOML"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b"#" * (LARGEST_FILE + 1), f"it has more than {LARGEST_FILE} bytes"),
        (b"a = " + b"[" * 15_000, "it is not TOML"),
    ],
)
def test_what_is_no_announcement_is_refused(data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "toy.toml"
    path.write_bytes(data)
    with pytest.raises(AnnouncementError, match=says):
        read_announcement(path)


# Downloads -----------------------------------------------------------------------------------


def endless(asked: BaseHTTPRequestHandler) -> None:
    asked.send_response(200)
    asked.end_headers()
    for _ in range(1000):
        asked.wfile.write(BODY)


def silent(stop: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(asked: BaseHTTPRequestHandler) -> None:
        stop.wait(30)

    return answer


def dripping(stop: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    """A byte at a time, with a pause that no limit on silence notices."""

    def answer(asked: BaseHTTPRequestHandler) -> None:
        asked.send_response(200)
        asked.end_headers()
        while not stop.wait(0.02):
            asked.wfile.write(b"a")

    return answer


def dripping_head(stop: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(asked: BaseHTTPRequestHandler) -> None:
        asked.wfile.write(b"HTTP/1.0 200 OK\r\nA: ")
        while not stop.wait(0.02):
            asked.wfile.write(b"a")

    return answer


@pytest.fixture
def host() -> Iterator[str]:
    stop = threading.Event()
    answers = {
        "/good": content(BODY),
        "/unstated": content(BODY, stated=False),
        "/endless": endless,
        "/moved": leads_to("/good"),
        "/to-file": leads_to("file:///etc/passwd"),
        "/to-ftp": leads_to("ftp://example.org/a"),
        "/to-data": leads_to("data:text/plain,a"),
        "/to-clear": leads_to("http://example.org/a"),
        "/to-name": leads_to("https://localhost:9/a"),
        "/round": leads_to("/round"),
        "/silent": silent(stop),
        "/drip": dripping(stop),
        "/drip-head": dripping_head(stop),
    }
    with served(answers) as address:
        yield address
        stop.set()


@pytest.mark.parametrize("name", ["good", "unstated", "moved"])
def test_a_file_is_downloaded(name: str, host: str, tmp_path: Path) -> None:
    found = download(f"{host}/{name}", tmp_path / "a", len(BODY), loopback=True)
    assert found == hashlib.sha256(BODY).hexdigest()
    assert (tmp_path / "a").read_bytes() == BODY


@pytest.mark.parametrize(
    ("name", "size", "says"),
    [
        ("good", len(BODY) - 1, "are announced"),
        ("good", len(BODY) + 1, "are announced"),
        ("unstated", len(BODY) - 1, "sends more than the"),
        ("unstated", len(BODY) + 1, "ends after"),
        ("endless", len(BODY), "sends more than the"),
        ("missing", 5, "answers 404"),
        ("to-file", 5, "leads to 'file:///etc/passwd': must begin with https://"),
        ("to-ftp", 5, "leads to 'ftp://example.org/a': must begin with https://"),
        ("to-data", 5, "leads to 'data:text/plain,a': must begin with https://"),
        ("to-clear", 5, "leads to 'http://example.org/a': must begin with https://"),
        ("round", 5, "answers 302"),
    ],
)
def test_what_is_no_such_file_is_refused(
    name: str, size: int, says: str, host: str, tmp_path: Path
) -> None:
    with pytest.raises(DownloadError, match=says):
        download(f"{host}/{name}", tmp_path / "a", size, loopback=True)
    kept = (tmp_path / "a").stat().st_size if (tmp_path / "a").exists() else 0
    assert kept <= size


@pytest.mark.parametrize(
    ("name", "patience", "says"),
    [
        ("silent", Patience(silence=0.2), "sends nothing for 0.2 s"),
        ("silent", Patience(whole=0.2), "takes longer than 0.2 s"),
        ("drip", Patience(whole=0.3), "takes longer than 0.3 s"),
        ("drip", Patience(grace=0.2, rate=1e6), "bytes a second, less than 1000000"),
        ("drip-head", Patience(whole=0.3), "takes longer than 0.3 s"),
    ],
)
def test_nobody_keeps_a_download_waiting(
    name: str, patience: Patience, says: str, host: str, tmp_path: Path
) -> None:
    with pytest.raises(DownloadError, match=says):
        download(f"{host}/{name}", tmp_path / "a", 1 << 20, patience, loopback=True)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/a", "file:///etc/passwd", "ftp://example.org/a", "/etc/passwd"]
)
def test_only_https_is_asked(address: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="must begin with https"):
        download(address, tmp_path / "a", 5)


def test_a_name_of_this_machine_is_not_asked_over_https(host: str, tmp_path: Path) -> None:
    port = host.rpartition(":")[2]
    with pytest.raises(DownloadError, match=r"is 127\.0\.0\.1, which is not a public address"):
        download(f"https://127.0.0.1:{port}/good", tmp_path / "a", 5)


def test_loopback_takes_this_machine_and_no_other() -> None:
    assert address_fault("http://127.0.0.1:8000/a.zip", loopback=True) == ""
    for other in ("http://127.0.0.1.example.org/a", "http://localhost/a", "http://10.0.0.1/a"):
        assert address_fault(other, loopback=True)


# From an archive to a verification -----------------------------------------------------------


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory, tiny_clip: Path) -> Path:
    return write_tiny_moves(tmp_path_factory.mktemp("tiny-moves"), tiny_clip)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, manifest: Path) -> Path:
    folder = tmp_path_factory.mktemp("submission")
    results = write_tiny_results(folder / "results", manifest)
    return submit(results, folder / "toy.zip", str(manifest)).path


@pytest.fixture
def at(archive: Path) -> Iterator[str]:
    with served({"/toy.zip": content(archive.read_bytes())}) as address:
        yield f"{address}/toy.zip"


def test_what_is_announced_is_read_off_the_archive(archive: Path, tmp_path: Path) -> None:
    said = announce(archive, "https://example.org/toy.zip", tmp_path / "toy.toml")
    assert said == read_announcement(tmp_path / "toy.toml")
    assert (said.method, said.dataset, said.contact) == ("toy", "tiny-moves", SAID["contact"])
    assert said.size == archive.stat().st_size
    assert said.sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()
    with pytest.raises(ValueError, match="already exists"):
        announce(archive, "https://example.org/toy.zip", tmp_path / "toy.toml")
    with pytest.raises(ValueError, match="must begin with https"):
        announce(archive, "http://example.org/toy.zip", tmp_path / "other.toml")
    assert not (tmp_path / "other.toml").exists()


def test_an_announced_submission_is_verified_listed_and_withdrawn(
    archive: Path, at: str, manifest: Path, tmp_path: Path
) -> None:
    ledger, folder = tmp_path / "entries", tmp_path / "submissions"
    ledger.mkdir()
    announce(archive, at, folder / "toy.toml", loopback=True)
    found = verify_announced(
        folder / "toy.toml", ledger, TODAY, dataset=str(manifest), loopback=True
    )
    assert (found.outcome, found.waits, found.entry) == ("verified", "", "2026-12-01-toy")
    assert found.report is not None
    # The listing takes no address of this machine: give it a public one of the same archive.
    (folder / "toy.toml").unlink()
    announce(archive, "https://example.org/toy.zip", folder / "toy.toml")
    assert [(one.name, one.entry) for one in standings(folder, ledger)] == [("toy", "")]

    report = tmp_path / "verification.json"
    report.write_text(found.report.model_dump_json())
    add_board(ledger, found.entry, report)
    (listed,) = standings(folder, ledger)
    assert (listed.entry, listed.became) == ("tiny-moves/2026-12-01-toy.board.xz", "")
    again = written(tmp_path / "again", archive=at, size=1)
    announce(archive, at, again.with_name("toy-2.toml"), loopback=True)
    later = verify_announced(
        again.with_name("toy-2.toml"), ledger, TODAY, dataset=str(manifest), loopback=True
    )
    assert later.outcome == "verified"
    assert "wait until 2026-12-15" in later.waits
    notice = Notice(of=listed.entry, method="toy", reason="A fault in the code.", by="its author")
    add_notice(ledger, "2026-12-02-withdrawn", notice)
    assert next(standings(folder, ledger)).became == "withdrawn: A fault in the code."


def test_what_does_not_fit_its_announcement_is_refused(
    archive: Path, at: str, manifest: Path, tmp_path: Path
) -> None:
    whole = announce(archive, at, tmp_path / "honest.toml", loopback=True).model_dump()
    for name, changes, says in (
        ("hash", {"sha256": "1" * 64}, "is announced. It is a different file"),
        ("size", {"size": whole["size"] + 1}, "are announced"),
        ("contact", {"contact": "someone@else.org"}, "The contact is 'toy@example.org' in the"),
        ("label", {"method": "smm"}, "The method is 'toy' in the archive; 'smm' is announced."),
    ):
        path = written(tmp_path, f"{name}.toml", **(whole | changes))
        found = verify_announced(path, tmp_path, TODAY, dataset=str(manifest), loopback=True)
        assert found.outcome == "refused"
        assert says in found.problems[0]


def test_a_hostile_archive_is_refused_in_words(tmp_path: Path, manifest: Path) -> None:
    bodies = {"/no.zip": b"PK\x05\x06 no archive", "/bomb.zip": os.urandom(5000)}
    with served({path: content(body) for path, body in bodies.items()}) as address:
        for (path, body), name in zip(bodies.items(), ("no", "bomb"), strict=True):
            digest = hashlib.sha256(body).hexdigest()
            said = written(
                tmp_path, f"{name}.toml", archive=address + path, size=len(body), sha256=digest
            )
            found = verify_announced(said, tmp_path, TODAY, dataset=str(manifest), loopback=True)
            assert found.outcome == "refused"
            assert "is not a zip archive" in found.problems[0]


# Changes -------------------------------------------------------------------------------------


class Clone:
    """A git repository with one commit, and a change upon it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit({f"{FOLDER}/README.md": "How to.\n", f"{FOLDER}/old.toml": toml()})
        self.base = self.git("rev-parse", "HEAD")
        self.git("checkout", "-q", "-b", "change")

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", "-C", str(self.folder), *who, *words],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


def test_one_added_announcement_is_a_submission(clone: Clone) -> None:
    clone.commit({f"{FOLDER}/new.toml": toml()})
    change = read_change(clone.folder, clone.base, "change", alone=True)
    assert (change.added, change.removed) == ({"new.toml": toml().encode()}, ())


def test_what_came_to_the_main_branch_meanwhile_is_not_of_the_change(clone: Clone) -> None:
    clone.commit({f"{FOLDER}/new.toml": toml()})
    clone.git("checkout", "-q", "main")
    clone.commit({"other.py": "1\n"})
    change = read_change(clone.folder, "main", "change", alone=True)
    assert list(change.added) == ["new.toml"]


def test_taking_an_announcement_back_is_no_submission_and_no_fault(clone: Clone) -> None:
    clone.git("rm", "-q", f"{FOLDER}/old.toml")
    clone.git("commit", "-q", "-m", "take back")
    change = read_change(clone.folder, clone.base, "change", alone=True)
    assert (change.added, change.removed) == ({}, ("old.toml",))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"benchmark/a.py": "1\n"}, "It touches 'benchmark/a.py'"),
        ({".github/workflows/a.yml": "1\n"}, "It touches '.github/workflows/a.yml'"),
        ({f"{FOLDER}/README.md": "other"}, "It touches 'leaderboard/submissions/README.md'"),
        ({f"{FOLDER}/deep/new.toml": toml()}, "It touches 'leaderboard/submissions/deep/new.toml'"),
        ({f"{FOLDER}/old.toml": toml(size=6)}, "It edits 'leaderboard/submissions/old.toml'"),
        ({f"{FOLDER}/a.toml": toml(), f"{FOLDER}/b.toml": toml()}, "It has 2 announcements"),
        ({f"{FOLDER}/a.toml": "#" * (LARGEST_FILE + 1)}, "has more than"),
    ],
)
def test_a_change_that_does_more_is_refused(files: dict[str, str], says: str, clone: Clone) -> None:
    clone.commit(files)
    with pytest.raises(ChangeError) as caught:
        read_change(clone.folder, clone.base, "change", alone=True)
    assert says in str(caught.value)


def test_a_link_is_no_announcement(clone: Clone) -> None:
    (clone.folder / FOLDER / "new.toml").symlink_to("/etc/passwd")
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "link")
    with pytest.raises(ChangeError, match="is no regular file"):
        read_change(clone.folder, clone.base, "change", alone=True)


def test_a_commit_that_is_not_there_is_said(clone: Clone) -> None:
    for name in ("nowhere", "--output=/tmp/a"):
        with pytest.raises(ValueError, match="has no commit"):
            read_change(clone.folder, clone.base, name, alone=True)


def test_a_review_says_what_is_wrong_and_lets_no_markup_through(
    clone: Clone, tmp_path: Path
) -> None:
    evil = "<script>@everyone</script>"
    clone.commit({f"{FOLDER}/new.toml": toml(contact=evil, archive="http://example.org/a")})
    found = review(
        clone.folder, clone.base, "change", tmp_path, tmp_path / "report", TODAY, alone=True
    )
    assert not found.sound
    text = (tmp_path / "report" / "summary.md").read_text()
    assert text == found.text
    assert "must begin with https" in text
    assert "<script>" not in text and "@everyone" not in text
    report = json.loads((tmp_path / "report" / "new" / "report.json").read_text())
    assert (report["name"], report["outcome"], report["report"]) == ("new", "refused", None)
    assert not (tmp_path / "report" / "new" / "verification.json").exists()


def test_an_unread_change_is_no_submission(clone: Clone, tmp_path: Path) -> None:
    clone.commit({"a.txt": "1\n"})
    report = itertools.count()
    for alone in (True, False):
        folder = tmp_path / f"report-{next(report)}"
        found = review(clone.folder, clone.base, "change", tmp_path, folder, TODAY, alone=alone)
        assert "No submission" in found.text
        assert found.sound is not alone  # a push that announces nothing is no fault


# The command line ----------------------------------------------------------------------------


def test_the_commands(
    smmbench: Callable[..., tuple[int, str, str]],
    archive: Path,
    at: str,
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    add_dataset(manifest)
    code, _, said = smmbench("join", "new", archive, "--url", at, "--loopback")
    assert code == 2 and "If you agree, add --agree" in said
    code, out, _ = smmbench("join", "new", archive, "--url", at, "--loopback", "--agree")
    path = f"{FOLDER}/toy.toml"
    assert code == 0 and f"Wrote {path}" in out
    assert smmbench("join", "check", path)[0] == 1  # this machine is no public address
    assert smmbench("join", "check", path, "--loopback")[0] == 0
    Path("entries").mkdir()
    words = ("join", "verify", path, "--ledger", "entries", "--device", "cpu", "--loopback")
    code, out, _ = smmbench(*words)
    assert code == 0 and "## toy: verified" in out
    assert "smmbench ledger add report/toy/verification.json" in out
    assert smmbench("join", "list", "--ledger", "entries")[1].startswith("toy  waits")
    Path("nothing").mkdir()
    code, out, err = smmbench("join", "list", "nothing", "--ledger", "entries")
    assert (code, out) == (0, "") and "No submission is announced in 'nothing'" in err
    code, _, err = smmbench("join", "list", "nowhere", "--ledger", "entries")
    assert code == 2 and "No folder 'nowhere'" in err


def test_addresses_are_those_of_the_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Message()
    said["Project-URL"] = "Repository, https://example.org/smmbench"
    monkeypatch.setattr("smmbench_leaderboard.join.addresses.metadata", lambda name: said)
    assert addresses() == {"Repository": "https://example.org/smmbench"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(project["urls"]) <= {"Repository", "Contact", "Paper"}
