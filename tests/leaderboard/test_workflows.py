"""The workflows: what they may do, and that their steps work on a submission of our own tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.builders.loopback import content, served
from tests.builders.tiny_results import write_tiny_moves, write_tiny_results

from smmbench.dataset.loading import add_dataset
from smmbench_leaderboard.join.announcing import announce
from smmbench_leaderboard.join.terms import FOLDER
from smmbench_leaderboard.submission.packing import submit

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
JOINING = ("submission", "page")
WRITES = {"page": {"publish": {"pages", "id-token"}}}


def read(name: str) -> dict[str, Any]:
    content = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text("utf-8"))
    content["on"] = content.pop(True)  # YAML 1.1 takes `on` for a truth value
    return content


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_hold_no_secret_and_pin_every_action(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "secrets." not in text
    assert "pull_request_target" not in text and "workflow_run" not in text
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_jobs_read_and_only_the_page_is_written(path: Path) -> None:
    workflow = read(path.stem)
    for name, job in workflow["jobs"].items():
        rights = job.get("permissions", workflow["permissions"])
        writes = {right for right, may in rights.items() if may != "read"}
        assert writes == WRITES.get(path.stem, {}).get(name, set())
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            if "checkout@" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", JOINING)
def test_every_step_is_a_script_of_the_repository(name: str) -> None:
    """No script contains an expression of the host, which would execute untrusted text."""
    steps = [step for job in read(name)["jobs"].values() for step in job["steps"]]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands
    for command in commands:
        assert re.fullmatch(r"[./a-z -]+", command)
        script = ROOT / command.split()[0]
        assert os.access(script, os.X_OK)


def test_a_pull_request_is_judged_by_the_code_it_is_to_be_merged_into() -> None:
    workflow = read("submission")
    (job,) = workflow["jobs"].values()
    checkout = job["steps"][0]["with"]
    assert checkout["ref"].startswith("${{ github.event.pull_request.base.sha")
    assert set(workflow["on"]) == {"pull_request", "push"}


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def committed(folder: Path, message: str) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


class Host:
    """What the host of a repository does for a workflow, on this machine.

    Attributes:
        origin: The repository.
        clone: The checkout of a job.
    """

    def __init__(self, folder: Path) -> None:
        self.origin, self.clone = folder / "origin", folder / "checkout"
        self.origin.mkdir(parents=True)
        git(self.origin, "init", "-q", "-b", "main")
        for name in ("submission", "page"):
            target = self.origin / ".ci" / name
            target.parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / ".ci" / name, target)
        (self.origin / FOLDER).mkdir(parents=True)
        shutil.copy(ROOT / FOLDER / "README.md", self.origin / FOLDER / "README.md")
        (self.origin / "leaderboard" / "entries").mkdir()
        (self.origin / "leaderboard" / "entries" / "chain.txt").write_text("")
        self.base = committed(self.origin, "base")

    def checkout(self, commit: str) -> None:
        shutil.rmtree(self.clone, ignore_errors=True)
        git(self.origin, "clone", "-q", str(self.origin), str(self.clone))
        git(self.clone, "checkout", "-q", commit)

    def step(self, workflow: str, event: str, values: dict[str, str]) -> tuple[int, str]:
        """Run the command that a workflow has for an event, with what the host fills in."""
        steps = [one for job in read(workflow)["jobs"].values() for one in job["steps"]]
        (step,) = (
            one
            for one in steps
            if "run" in one
            and one.get("if", f"github.event_name == '{event}'").endswith(f"'{event}'")
        )
        summary = self.clone.parent / "step-summary.md"
        summary.write_text("")
        given = {
            name: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values[found[1]], text)
            for name, text in step.get("env", {}).items()
        }
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=self.clone,
            env={
                **os.environ,
                **given,
                "PATH": tools,
                "GITHUB_STEP_SUMMARY": str(summary),
                "SMMBENCH_LOOPBACK": "1",
                "SMMBENCH_DEVICE": "cpu",
            },
            capture_output=True,
            text=True,
        )
        print(done.stdout, done.stderr)
        return done.returncode, summary.read_text()


@pytest.mark.slow
def test_from_the_archive_to_a_row_of_the_page(
    tmp_path: Path, tiny_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk of an author and an organiser, by the commands that the workflows run."""
    manifest = write_tiny_moves(tmp_path / "tiny-moves", tiny_clip)
    add_dataset(manifest)
    results = write_tiny_results(tmp_path / "results", manifest)
    archive = submit(results, tmp_path / "toy.zip", "tiny-moves").path
    host = Host(tmp_path / "host")
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", tools)
    with served({"/toy.zip": content(archive.read_bytes())}) as address:
        # The author: a pull request that adds one file.
        git(host.origin, "checkout", "-q", "-b", "change")
        announce(archive, f"{address}/toy.zip", host.origin / FOLDER / "toy.toml", loopback=True)
        head = committed(host.origin, "Submit toy")
        git(host.origin, "update-ref", "refs/pull/7/head", head)
        git(host.origin, "checkout", "-q", "main")
        git(host.origin, "branch", "-q", "-D", "change")

        host.checkout(host.base)
        event = "github.event.pull_request"
        code, summary = host.step(
            "submission",
            "pull_request",
            {f"{event}.base.sha": host.base, f"{event}.head.sha": head, f"{event}.number": "7"},
        )
        assert code == 0
        assert "## toy: verified" in summary
        assert not (host.clone / FOLDER / "toy.toml").exists()  # nothing of it was checked out
        assert (host.clone / "report" / "toy" / "verification.json").is_file()

        # The organiser: merges, and the main branch's run makes the report that counts.
        git(host.origin, "merge", "-q", "--no-ff", "-m", "Merge", head)
        merged = git(host.origin, "rev-parse", "HEAD")
        host.checkout(merged)
        code, summary = host.step(
            "submission", "push", {"github.event.before": host.base, "github.sha": merged}
        )
        assert code == 0
        command = next(line for line in summary.splitlines() if "ledger add" in line)

    for words in (command.split(), ["smmbench", "ledger", "seal"]):
        subprocess.run(words, cwd=host.clone, check=True, capture_output=True)
    shutil.rmtree(host.clone / "report")
    git(host.clone, "checkout", "-q", "-b", "entry")
    committed(host.clone, "Add the entry of toy")
    owner = {"github.repository_owner": "toys", "github.event.repository.name": "board"}
    code, _ = host.step("page", "push", owner)
    assert code == 0
    page = (host.clone / "page" / "index.html").read_text("utf-8")
    assert 'data-label="toy"' in page or 'data-label="ledger:toy"' in page
    assert "recomputed" in page
    assert "https://toys.github.io/board/" in page


@pytest.mark.slow
def test_a_pull_request_that_brings_code_is_refused_by_the_code_that_is_there(
    tmp_path: Path,
) -> None:
    host = Host(tmp_path / "host")
    git(host.origin, "checkout", "-q", "-b", "change")
    (host.origin / ".ci" / "submission").write_text("#!/bin/sh\necho verified\n")
    (host.origin / FOLDER / "evil.toml").write_text("")
    head = committed(host.origin, "Submit evil")
    git(host.origin, "update-ref", "refs/pull/8/head", head)
    host.checkout(host.base)
    event = "github.event.pull_request"
    code, summary = host.step(
        "submission",
        "pull_request",
        {f"{event}.base.sha": host.base, f"{event}.head.sha": head, f"{event}.number": "8"},
    )
    assert code == 1
    assert "## No submission" in summary
    assert "It touches '.ci/submission'" in summary
