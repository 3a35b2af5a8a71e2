"""Official code as a method, with a stand-in repository that does everything such code may do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file
from typer.testing import CliRunner

from smmbench.cli import app
from smmbench.cli.method_description import describe
from smmbench.errors import CommandError
from smmbench.external.call.files import write_files, write_source
from smmbench.external.call.fitting import fit_output, fit_source
from smmbench.external.call.log import HEAD, TAIL
from smmbench.external.call.variables import variables
from smmbench.external.install import environment as installing
from smmbench.external.install.checkout import SetupError
from smmbench.external.install.setup import folder_of, set_up
from smmbench.external.install.weights import weights_sha256
from smmbench.external.recipe.schema import load_recipe
from smmbench.external.recipe.tables import FileOf, Input, WeightsOf
from smmbench.resolving import entry_of, find_method, label_of
from smmbench.results import RunRecord, find_records
from smmbench.running.executors import named_executor
from smmbench.running.loop import Summary, plan_run, run
from smmbench.video import Video, VideoError, read_video, write_lossless

SCRIPT = """
import json, os, subprocess, sys, time
from pathlib import Path

asked = json.loads(Path(sys.argv[1]).read_text())
if asked["task"] == "prepare":
    assert asked["prompt"] == ""
    print("preparing")
    Path(asked["to"]).mkdir()
    if asked["behave"] == "prepare-fails":
        sys.exit(9)
    sys.exit(0)
import numpy as np
from PIL import Image
frames = [np.asarray(Image.open(path)) for path in sorted(Path(asked["frames"]).iterdir())]
frames = np.stack(frames)
assert len(frames) == asked["count"] and Path(asked["kept"]).is_dir()
behave, output = asked["behave"], Path(asked["output"])
print("asked:", asked["prompt"], "seed", asked["seed"])
Path("state").write_text("of this call only")
made = np.roll(frames, asked["shift"] + asked["seed"], axis=2)
if behave == "fails":
    print("no such layer", file=sys.stderr)
    sys.exit(3)
if behave == "memory":
    print("torch.cuda.OutOfMemoryError: CUDA out of memory.")
    sys.exit(1)
if behave == "hangs":
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print("waiting", flush=True)
    if asked["note"]:
        Path(asked["note"] + ".new").write_text(str(os.getpid()))
        os.rename(asked["note"] + ".new", asked["note"])
    time.sleep(60)
if behave == "killed":
    os.kill(os.getpid(), 9)
if behave == "binary":
    os.write(1, bytes(range(256)) * 4)
    sys.exit(4)
if behave == "floods":
    for _ in range(200):
        os.write(1, b"x" * 9999 + b"\\n")
if behave == "child":
    code = "import time, sys; time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code])
    Path(asked["note"]).write_text(str(child.pid))
if behave == "nothing":
    sys.exit(0)
if behave == "few":
    made = made[:-2]
if behave == "size":
    made = made[:, :-2]
if behave == "constant":
    made[:] = 0
if behave == "garbage":
    (output / "out.npy").write_bytes(b"no array at all")
    sys.exit(0)
if behave == "pickle":
    np.save(output / "out.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    sys.exit(0)
if behave == "two":
    np.save(output / "other.npy", made)
made = made / 255
if behave == "nan":
    made[0, 0, 0] = np.nan
if behave == "environment":
    print(json.dumps(dict(os.environ)))
np.save(output / "out.npy", made)
"""

RECIPE = """
[card]
title = "A stand-in"
paper = "None"

[code]
repository = "{repository}"
commit = "{commit}"
licence = "MIT"

[environment]
kind = "none"
variables = {{ OWN = "yes" }}

[parameters]
behave = {{ default = "well", comment = "what the script does" }}
shift = {{ default = 2, comment = "pixels to the right" }}
note = {{ default = "" }}

[presets.far]
shift = 5

[input]
kind = "frames"
name = "frames"
pattern = "%05d.png"

[prepare]
commands = [["{{python}}", "main.py", "{{prepared}}/ask.json"]]
kept = {{ folder = "{{prepared}}/found-*" }}
[[prepare.files]]
path = "{{prepared}}/ask.json"
form = "json"
[prepare.files.content]
task = "prepare"
prompt = "{{source_prompt}}"
behave = "{{behave}}"
to = "{{prepared}}/found-1"

[transfer]
seconds = 8.0
commands = [["{{python}}", "main.py", "{{work}}/ask.json"]]
[[transfer.files]]
path = "{{work}}/ask.json"
form = "json"
[transfer.files.content]
task = "transfer"
frames = "{{source}}"
count = "{{count}}"
prompt = "{{prompt}}"
seed = "{{seed}}"
shift = "{{shift}}"
behave = "{{behave}}"
output = "{{output}}"
note = "{{note}}"
kept = "{{kept:folder}}"

[output]
kind = "array"
path = "{{output}}/*.npy"
"""


def _git(folder: Path, *words: str) -> str:
    own = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


class Stand:
    """A repository, its recipe, a dataset of two clips, and a results folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = folder / "repository"
        self.repository.mkdir()
        _git(self.repository, "init", "--quiet")
        (self.repository / "main.py").write_text(SCRIPT)
        self.commit = self.commit_all()
        self.path = folder / "stand-in.toml"
        self.write(RECIPE)
        self.results = folder / "results"
        self.dataset = self._dataset()

    def commit_all(self) -> str:
        _git(self.repository, "add", "-A")
        _git(self.repository, "commit", "--quiet", "-m", "a")
        return _git(self.repository, "rev-parse", "HEAD")

    def write(self, text: str) -> None:
        self.path.write_text(text.format(repository=self.repository, commit=self.commit))

    def change(self, old: str, new: str) -> None:
        text = self.path.read_text()
        assert old in text
        self.path.write_text(text.replace(old, new))

    def _dataset(self) -> Path:
        from smmbench.storage.home import file_sha256

        rng = np.random.default_rng(0)
        clips = []
        for name in "ab":
            video = Video(rng.integers(0, 256, (6, 32, 48, 3), dtype=np.uint8), 8.0)
            write_lossless(self.folder / f"{name}.mkv", video)
            clips.append(
                f"[[clips]]\nname = '{name}'\nlicence = 'CC0-1.0'\nattribution = 'a'\n"
                f"pixels_sha256 = '{video.pixels_sha256}'\n"
                f"video = {{ path = '{name}.mkv', sha256 = "
                f"'{file_sha256(self.folder / f'{name}.mkv')}' }}\n"
                f"[[clips.edits]]\nname = 'e'\nprompt = 'a dog; $(touch x) {{seed}}'\n"
            )
        path = self.folder / "two.toml"
        head = (
            "name = 'two'\nversion = 1\ntitle = 'Two'\ndescription = 'd'\nlicence = 'CC0-1.0'\n"
            "[protocol]\nframes = 6\nwidth = 48\nheight = 32\nfps = 8.0\nseeds = [0]\n"
            "text_model = 'none'\n"
        )
        path.write_text(head + "\n".join(clips))
        return path

    def setup(self) -> None:
        recipe = load_recipe(self.path)
        set_up("stand-in", recipe)

    def run(self, *settings: str, clips: tuple[str, ...] = ("a",), seed: int = 0) -> Summary:
        plan = plan_run(
            str(self.path),
            str(self.dataset),
            self.results,
            settings=settings,
            clips=clips,
            seeds=[seed],
            device="cpu",
            overwrite=True,
        )
        return run(plan, named_executor("local", None))

    def record(self, clip: str = "a") -> RunRecord:
        (found,) = (one for _, one in find_records(self.results) if one.request.clip == clip)
        return found

    def log(self, clip: str = "a") -> bytes:
        (path,) = self.results.glob(f"*/two/{clip}/e/seed-*/command.log")
        return path.read_bytes()


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


@pytest.fixture
def ready(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> Stand:
    with monkeypatch.context() as patch:  # the whole list takes a while and is tested below
        patch.setattr("smmbench.external.install.setup.freeze", lambda *_: "a==1")
        stand.setup()
    return stand


def test_a_repository_that_succeeds(ready: Stand) -> None:
    assert ready.run(clips=("a", "b"), seed=1).made == 2
    record = ready.record()
    assert record.status == "done"
    assert record.entry.startswith("stand-in.toml@sha256:")
    assert record.entry.endswith(f"@commit:{ready.commit}")
    assert {"repository", "environment"} == set(record.weights)
    (folder,) = ready.results.glob("*/two/a/e/seed-1")
    source = read_video(ready.folder / "a.mkv").frames
    assert (read_video(folder / "video.mkv").frames == np.roll(source, 3, axis=2)).all()
    log = ready.log().decode()
    assert "preparing" in log and "asked: a dog; $(touch x) {seed} seed 1" in log
    assert not list(ready.folder.rglob("x")), "no shell has seen the prompt"


def test_each_call_has_a_repository_of_its_own(ready: Stand) -> None:
    ready.run()
    folder = folder_of("stand-in", load_recipe(ready.path))
    assert [path.name for path in (folder / "checkout").iterdir()] == ["main.py"]
    assert list((folder.parent / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("behave", "kind", "stage", "message"),
    [
        (
            "fails",
            "method-error",
            "transfer",
            "exited with code 3; the end of its log: .*no such layer",
        ),
        ("memory", "out-of-memory", "transfer", "exited with code 1; .*CUDA out of memory"),
        ("killed", "method-error", "transfer", "was terminated by SIGKILL"),
        ("binary", "method-error", "transfer", "exited with code 4; .*wxyz"),
        ("few", "decode", "transfer", "'out.npy' has too few frames: 4, expected 6"),
        ("size", "decode", "transfer", "'out.npy' is 48x30, expected 48x32"),
        ("nan", "nan", "transfer", "values that are not numbers"),
        ("constant", "nan", "transfer", "is 0 in every pixel"),
        (
            "nothing",
            "method-error",
            "transfer",
            r"succeeded, but the output \('\*.npy'\) does not exist",
        ),
        ("garbage", "decode", "transfer", "is not an array"),
        ("pickle", "decode", "transfer", "is not an array"),
        (
            "two",
            "method-error",
            "transfer",
            "One path must match .*; .* matches 2: other.npy, out.npy",
        ),
        ("prepare-fails", "method-error", "prepare", "exited with code 9; .*preparing"),
    ],
)
def test_a_failure_is_a_sentence_at_the_pair(
    ready: Stand, behave: str, kind: str, stage: str, message: str
) -> None:
    import re

    clips = ("a", "b") if behave == "fails" else ("b",)
    summary = ready.run(f"behave={behave}", clips=clips)
    assert (summary.made, summary.failed) == (0, len(clips)), "the run goes on"
    failure = ready.record("b").failure
    assert failure is not None
    assert (failure.kind, failure.stage) == (kind, stage)
    assert re.search(message, failure.message), failure.message
    assert failure.message.endswith("What it printed is in command.log.")
    assert str(ready.folder) not in failure.message
    assert b"preparing" in ready.log("b")


def test_a_command_that_hangs_is_stopped_with_its_children(ready: Stand) -> None:
    ready.change("seconds = 8.0", "seconds = 1.5")
    begin = time.monotonic()
    ready.run("behave=hangs")
    assert time.monotonic() - begin < 20
    failure = ready.record().failure
    assert failure is not None and failure.kind == "time-limit"
    assert "took longer than 1.5 s and was stopped" in failure.message
    assert b"waiting" in ready.log()


def test_a_log_is_bounded_and_keeps_both_ends(ready: Stand) -> None:
    assert ready.run("behave=floods").made == 1
    log = ready.log()
    assert len(log) < HEAD + TAIL + 4096
    assert b"preparing" in log and b"bytes left out" in log and b"[exit code 0]" in log


def test_a_child_does_not_outlive_the_command(ready: Stand) -> None:
    note = ready.folder / "pid"
    begin = time.monotonic()
    assert ready.run("behave=child", f"note={note}").made == 1
    assert time.monotonic() - begin < 20, "nobody waits for the child"
    status = Path(f"/proc/{note.read_text()}/status")
    if Path("/proc/self").exists():
        gone = not status.exists() or "Z (zombie)" in status.read_text()
        assert gone, "the child still runs"


@pytest.mark.parametrize(
    "told", [("SIGTERM",), ("SIGHUP",), ("SIGINT", "SIGINT"), ("SIGTERM", "SIGTERM")]
)
def test_a_run_that_is_told_to_end_ends_its_commands(tmp_path: Path, told: tuple[str, ...]) -> None:
    """Told twice, it does not wait for one that is deaf to SIGTERM."""
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if len(told) > 1 else ""
    child = (
        f"import os, signal, time; {deaf}open('new', 'w').write(str(os.getpid())); "
        "os.rename('new', 'pid'); time.sleep(60)"
    )
    script = (
        "import pathlib, signal, sys\n"
        "from smmbench.external.call.log import Log\n"
        "from smmbench.external.call.command import run_commands\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # whatever it inherited
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        f"words = [sys.executable, '-c', {child!r}]\n"
        "run_commands([words], folder=pathlib.Path(), environment={}, seconds=60, log=Log())\n"
    )
    words = [sys.executable, "-c", script]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.DEVNULL) as runner:
        child_pid = _told(runner, tmp_path / "pid", told)
        number = signal.Signals[told[0]]
        assert runner.returncode == (-number if number == signal.SIGINT else 128 + number)
    with pytest.raises(ProcessLookupError):
        os.kill(child_pid, 0)


def test_a_run_that_is_told_to_end_does_not_begin_the_next_pair(ready: Stand) -> None:
    """It is no failure of a pair, as `sys.exit` in a method would be."""
    note = ready.folder / "pid"
    script = (
        "import signal, sys; from smmbench.cli import main\n"
        "signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
        f"sys.argv = ['smmbench', 'run', '--method', {str(ready.path)!r}, '--dataset', "
        f"{str(ready.dataset)!r}, '--output', {str(ready.folder / 'told')!r}, "
        f"'--set', 'behave=hangs', '--set', 'note={note}', '--device', 'cpu']\n"
        "main()\n"
    )
    words = [sys.executable, "-c", script]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as runner:
        _told(runner, note, ("SIGTERM",))
        assert runner.returncode == 128 + signal.SIGTERM
    assert list((ready.folder / "told").rglob("record.json")) == []


def _told(runner: subprocess.Popen[bytes], note: Path, told: tuple[str, ...]) -> int:
    """Wait until the command has noted its process, tell the run to end, and wait for that."""
    end = time.monotonic() + 30
    while not note.exists() and time.monotonic() < end:
        time.sleep(0.05)
    try:
        for name in told:
            runner.send_signal(signal.Signals[name])
            time.sleep(0.5)
        runner.wait(20)
    finally:
        runner.kill()
    return int(note.read_text())


def test_the_environment_is_scrubbed(ready: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("AWS_KEY", "secret")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("HF_HOME", "/weights")
    assert ready.run("behave=environment").made == 1
    seen = json.loads(next(line for line in ready.log().splitlines() if line.startswith(b"{")))
    assert not {"HF_TOKEN", "AWS_KEY", "PYTHONPATH"} & set(seen)
    assert seen["HF_HOME"] == "/weights" and seen["OWN"] == "yes"
    assert seen["CUDA_VISIBLE_DEVICES"] == "", "the device is the CPU"


@pytest.mark.parametrize(
    ("device", "seen", "given"),
    [("cuda", None, "0"), ("cuda:1", None, "1"), ("cuda:1", "4,6", "6"), ("cpu", "4", "")],
)
def test_a_command_sees_the_chosen_gpu(
    monkeypatch: pytest.MonkeyPatch, device: str, seen: str | None, given: str
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if seen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
    made = variables(device, Path("/env/bin/python"), Path("/tmp"), {})
    assert made["CUDA_VISIBLE_DEVICES"] == given
    assert made["PATH"].startswith("/env/bin" + os.pathsep)


def test_what_is_not_set_up_says_how(stand: Stand) -> None:
    with pytest.raises(SetupError, match=r"not set up. Run `smmbench methods setup .*stand-in"):
        stand.run()


def test_setup_is_whole_or_not_at_all(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe(stand.path)
    folder = folder_of("stand-in", recipe)

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("smmbench.external.install.setup.make_environment", stop)
        with pytest.raises(KeyboardInterrupt):
            set_up("stand-in", recipe)
    with pytest.raises(SetupError, match="not set up"):
        stand.run()
    before = (folder / "checkout").stat().st_ino
    stamp = set_up("stand-in", recipe)
    assert (folder / "checkout").stat().st_ino == before, "the whole checkout was kept"
    assert set_up("stand-in", recipe) == stamp
    (folder / "checkout" / "main.py").write_text("print('changed')")
    with pytest.raises(SetupError, match="checkout was changed"):
        stand.run()
    assert set_up("stand-in", recipe) == stamp
    assert stand.run().made == 1


def test_a_commit_that_is_not_there(stand: Stand) -> None:
    stand.commit = "0" * 40
    stand.write(RECIPE)
    with pytest.raises(SetupError, match="has no commit 0000"):
        stand.setup()


def test_an_older_commit_is_found_and_no_hook_runs(stand: Stand) -> None:
    first = stand.commit
    hook = stand.repository / ".git" / "hooks" / "post-checkout"
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    (stand.repository / "main.py").write_text("a later text")
    stand.commit_all()
    stand.setup()
    folder = folder_of("stand-in", load_recipe(stand.path))
    assert (folder / "checkout" / "main.py").read_text() == SCRIPT
    assert folder.name.endswith(first[:12])
    assert not list(stand.folder.rglob("ran"))


def test_another_interpreter_than_the_recipe_asks_for(stand: Stand) -> None:
    stand.change('kind = "none"', 'kind = "venv"\npython = "3.1"')
    recipe = load_recipe(stand.path)
    with pytest.raises(SetupError, match=r"needs Python 3\.1.* is 3\."):
        set_up("stand-in", recipe, python=sys.executable)
    with pytest.raises(SetupError, match=r"no `python3\.1` on the path"):
        set_up("stand-in", recipe)


def test_a_virtual_environment_is_made_and_its_content_told(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is installed: it shows that the environment is another one, without a network."""
    version = ".".join(map(str, sys.version_info[:2]))
    stand.change('kind = "none"', f'kind = "venv"\npython = "{version}"')
    real = installing._install
    calls: list[list[str]] = []

    def install(command: list[str], *rest: Any) -> None:
        calls.append(command)
        real([*command, "--without-pip"], *rest)

    monkeypatch.setattr(installing, "_install", install)
    stamp = set_up("stand-in", load_recipe(stand.path), python=sys.executable)
    assert len(calls) == 1 and "venv" in calls[0]
    assert Path(stamp.python) != Path(sys.executable)
    folder = folder_of("stand-in", load_recipe(stand.path))
    assert (folder / "environment.txt").read_text().startswith("python==")
    assert "numpy" not in (folder / "environment.txt").read_text()


def test_weights_that_are_missing_are_told_each_with_its_way(ready: Stand) -> None:
    with ready.path.open("a") as file:
        file.write(
            "[[weights]]\nname = 'base'\nhub = 'someone/something'\nrevision = 'main'\n"
            "[[weights]]\nname = 'lora'\nurl = 'https://example.org/lora.pth'\n"
            "place = 'models/lora.pth'\n"
        )
    with pytest.raises(SetupError) as caught:
        ready.run()
    said = str(caught.value)
    assert "`hf download someone/something --revision main`" in said
    assert "put https://example.org/lora.pth at " in said


def test_weights_are_linked_to_their_place_and_hashed(ready: Stand, own_home: Path) -> None:
    with ready.path.open("a") as file:
        file.write(
            "[[weights]]\nname = 'lora'\nurl = 'https://example.org/lora.pth'\n"
            "place = 'models/lora.pth'\n"
        )
    ready.change('"{work}/ask.json"]]', '"{work}/ask.json"], ["cat", "models/lora.pth"]]')
    (own_home / "weights").mkdir()
    (own_home / "weights" / "lora.pth").write_text("the weights")
    assert ready.run().made == 1
    assert b"the weights" in ready.log()
    assert len(ready.record().weights["lora"]) == 64


def test_weights_of_official_code_are_known_by_their_tensors(tmp_path: Path) -> None:
    """Saved again, in another order and with other notes: the same weights, in another file."""
    named = WeightsOf(name="base", hub="a/b", files=("*.safetensors", "*.json"))
    a = {"one": np.arange(3.0), "two": np.ones((2, 2), np.float32)}
    hashes = []
    for place, tensors, notes in (
        ("first", a, None),
        ("again", dict(reversed(a.items())), {"note": "saved again"}),
        ("other", a | {"one": np.arange(3.0) + 1}, None),
    ):
        (tmp_path / place / "unet").mkdir(parents=True)
        save_file(tensors, tmp_path / place / "unet" / "model.safetensors", metadata=notes)
        (tmp_path / place / "config.json").write_text("{}")
        hashes.append(weights_sha256([named], {"base": tmp_path / place}))
    first, again, other = hashes
    assert set(first) == {"base/unet/model.safetensors", "base/config.json"}
    assert first == again
    assert first["base/unet/model.safetensors"] != other["base/unet/model.safetensors"]
    assert first["base/config.json"] == other["base/config.json"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{seed}", "{sed}", r"No placeholder 'sed'. Did you mean 'seed'. Available: behave, "),
        ("{source_prompt}", "{prompt}", "in prepare: No placeholder 'prompt'"),
        ("{kept:folder}", "{kept:other}", "No placeholder 'kept:other'"),
        ('licence = "MIT"', 'license = "MIT"', "code.licence: Field required"),
        ('commit = "', 'commit = "z', "code.commit"),
        ("shift = { default = 2", "seed = { default = 2", "'seed' has the name of a placeholder"),
        ('name = "frames"', 'name = "../frames"', "without '..'"),
        ("[card]", "[card", "is not TOML"),
    ],
)
def test_a_wrong_recipe_says_where(stand: Stand, old: str, new: str, message: str) -> None:
    stand.change(old, new)
    with pytest.raises(ValueError, match=message):
        load_recipe(stand.path)


def test_a_recipe_is_a_method_like_any_other(stand: Stand) -> None:
    method = find_method(str(stand.path))
    assert method is find_method(str(stand.path))
    described = describe(str(stand.path))
    assert described.presets == {"far": {"shift": 5}}
    behave, shift, _ = described.parameters
    assert (shift.type, shift.default, shift.help) == ("int", 2, "pixels to the right")
    assert behave.help == "what the script does"
    assert described.card is not None and described.card.code.endswith(stand.commit)
    assert label_of(str(stand.path)) == "stand-in"
    before = entry_of(str(stand.path))
    stand.change("default = 2", "default = 3")
    assert entry_of(str(stand.path)) != before, "another text is another method"


def test_the_command_sets_up_and_names_what_is_missing(stand: Stand) -> None:
    invoke = CliRunner().invoke
    done = invoke(app, ["methods", "setup", str(stand.path), "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["commit"] == stand.commit
    with stand.path.open("a") as file:
        file.write("[[weights]]\nname = 'base'\nhub = 'someone/something'\n")
    done = invoke(app, ["methods", "setup", str(stand.path)])
    assert done.exit_code == 1 and "hf download someone/something" in done.stderr


def test_a_file_of_the_repository_is_changed_table_by_table(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("a: {b: 1e-05, c: [1]}\nd: {1: [2]}\ne: old\n")
    content = {"a": {"b": "{rate}"}, "e": "{prompt}"}
    file = FileOf(path="{work}/new.yaml", form="yaml", base="base.yaml", content=content)
    values = {"work": tmp_path, "rate": 0.00003, "prompt": "a 'dog': # {rate}"}
    write_files([file], values, [tmp_path], tmp_path)
    made = yaml.safe_load((tmp_path / "new.yaml").read_text())
    assert made == {"a": {"b": 3e-5, "c": [1]}, "d": {1: [2]}, "e": "a 'dog': # {rate}"}
    with pytest.raises(CommandError, match="outside the run's folders"):
        write_files([file], values | {"work": tmp_path.parent}, [tmp_path], tmp_path)


def _clip(frames: int, height: int = 32, width: int = 48) -> Video:
    rng = np.random.default_rng(1)
    return Video(rng.integers(0, 256, (frames, height, width, 3), dtype=np.uint8), 8.0)


@pytest.mark.parametrize("name", ["source.mp4", "source.mkv"])
def test_a_clip_is_laid_out_without_loss(tmp_path: Path, name: str) -> None:
    video = _clip(5)
    read = read_video(write_source(video, Input(kind="video", name=name), tmp_path))
    assert (read.frames == video.frames).all()
    assert read.fps == video.fps


def test_frames_are_taken_over_the_whole_clip_and_given_back_in_their_time() -> None:
    video = Video(np.repeat(np.arange(24, dtype=np.uint8)[:, None, None, None], 3, -1), 8.0)
    laid = fit_source(video, Input(kind="video", frames=8))
    assert laid.frames[:, 0, 0, 0].tolist() == list(range(0, 24, 3))
    ends = Input(kind="video", frames=8, ends=True)
    assert fit_source(video, ends).frames[[0, -1], 0, 0, 0].tolist() == [0, 23]
    slow = Video(np.repeat(np.arange(29, dtype=np.uint8)[:, None, None, None], 3, -1), 8.0)
    assert fit_output(slow, video, ends=True).frames[[0, -1], 0, 0, 0].tolist() == [0, 28]
    assert laid.fps == pytest.approx(8 / 3)
    back = fit_output(laid, video)
    assert back.fps == 8.0 and len(back.frames) == 24
    assert abs(back.frames[:, 0, 0, 0].astype(int) - np.arange(24)).max() <= 2
    assert (
        fit_output(video, video) is not video
        and (fit_output(video, video).frames == video.frames).all()
    )


def test_sizes_are_stretched_there_and_back() -> None:
    video = _clip(9, 40, 70)
    wanted = Input(kind="video", max_frames=8, frames_multiple=4, size_multiple=16)
    laid = fit_source(video, wanted)
    assert laid.frames.shape == (8, 32, 64, 3)
    assert fit_output(laid, video).frames.shape == video.frames.shape
    with pytest.raises(VideoError, match="too small for this code"):
        fit_source(video, Input(kind="video", frames_multiple=16))
