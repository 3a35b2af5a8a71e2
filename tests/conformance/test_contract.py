"""`smmbench methods check`: good methods keep every check, each broken one is named by its own."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.builders.transformers import build_tiny_wan

from smmbench.conformance import CHECKS, Checked, check_method
from smmbench.conformance.checks import repeating
from smmbench.conformance.trial import Made, Trial
from smmbench.conformance.watch.fingerprint import changes, fingerprint
from smmbench.conformance.watch.limits import TimeUpError, time_limit
from smmbench.conformance.watch.process import _mallinfo2, used_memory
from smmbench.conformance.watch.walking import held_bytes, leaves
from smmbench.conformance.world import load_world
from smmbench.method import Source
from smmbench.resolving import method_names, resolve
from smmbench.templates import Kind, write_template
from smmbench.video import Video

GOOD = """
from __future__ import annotations
import os
from dataclasses import dataclass
from functools import partial
from zlib import crc32
import numpy as np
import torch
from smmbench.method import Card, Method
from smmbench.video import Video

LEAKED = []

@dataclass(frozen=True)
class Parameters:
    noise: float = 20.0

class Toy(Method):
    Parameters = Parameters
    presets = {"small": {"noise": 30.0}}
    card = Card("Toy", licence="MIT", notes="For tests.")
    built = 0

    def __init__(self, parameters, device):
        super().__init__(parameters, device)
        Toy.built += 1
        self.number, self.kept, self.buffer, self.memo = Toy.built, [], None, {}
        self.inner = partial(print, torch.nn.Flatten())
        self.network = torch.nn.Linear(2, 2)
        self.network.register_buffer("unsaved", torch.zeros(2), persistent=False)
        self.hook = self.network.register_forward_hook(lambda *_: None)
        with torch.no_grad():
            self.network.weight.zero_()
            self.network.bias.zero_()

    def weights(self):
        return {"network": "0" * 64}

    def prepare(self, source):
        self.frames = source.video.frames.astype(float)
        return {"frames": self.frames, "log": [], "source": source.video.frames}

    def transfer(self, prepared, prompt, seed):
        rng = np.random.default_rng([seed, crc32(prompt.encode())])
        frames = prepared["frames"]
        frames = frames + rng.normal(0, self.parameters.noise, frames.shape)
        frames = np.clip(frames, 0, 255).astype(np.uint8)
        return Video(frames, 8.0)
"""

RNG = "np.random.default_rng([seed, crc32(prompt.encode())])"
BEGIN = '        frames = prepared["frames"]\n'
GIVE = "        return Video(frames, 8.0)"
BATCH = """
    def transfer_batch(self, prepared, prompts, seeds):
        return [self.transfer(*one) for one in zip(prepared, prompts, seeds)]"""
SWAPPED, SHORTER = (
    GIVE + BATCH.replace("prompts, seeds)]", f"prompts, seeds)]{cut}") for cut in ("[::-1]", "[:1]")
)
ONCE = """
    def transfer_batch(self, prepared, prompts, seeds):
        by = {id(p): self.transfer(p, *one) for p, *one in zip(prepared, prompts, seeds)}
        return [by[id(one)] for one in prepared]"""
BADLY = "np.random.default_rng([self.bad, seed, crc32(prompt.encode())])"
VIEW = """
        source = prepared["source"][::-1]
        source = source[:, ::-1] if seed % 2 else source
        return Video(source[:, :, ::-1] if "cat" in prompt else source, 8.0)"""


def first(line: str) -> tuple[str, str]:
    """A line more at the beginning of transfer."""
    return BEGIN, f"        {line}\n{BEGIN}"


# The check, and what of the good method is replaced by what.
BROKEN: dict[str, tuple[str, tuple[str, str]]] = {
    "not a subclass": ("class", ("class Toy(Method)", "class Toy(object)")),
    "no transfer": ("class", ("def transfer", "def transfers")),
    "not frozen": ("parameters", ("(frozen=True)", "")),
    "no default": ("parameters", ("noise: float = 20.0", "noise: float")),
    "wrong default": ("parameters", ("noise: float = 20.0", "noise: str = 20.0")),
    "unknown in a preset": ("presets", ('"noise": 30.0', '"nois": 30.0')),
    "unknown in search": ("presets", ("    built = 0", "    search = {'nois': 3}\n    built = 0")),
    "no licence": ("card", ('licence="MIT"', 'licence=""')),
    "no card": ("card", ("    card =", "    cart =")),
    "raises": ("runs", first("raise RuntimeError('no luck')")),
    "raises when built": ("runs", ("self.network =", "raise RuntimeError('no luck')\n        #")),
    "raises for another seed": ("seeds", first("assert seed != 1, 'only seed 0'")),
    "too few frames": ("video", (GIVE, "        return Video(frames[:2], 8.0)")),
    "an array": ("video", (GIVE, "        return frames")),
    "unseeded": ("repeats", (RNG, "np.random.default_rng()")),
    "blind to the seed": ("seeds", (RNG, "np.random.default_rng(crc32(prompt.encode()))")),
    "blind to the prompt": ("prompt", (RNG, "np.random.default_rng(seed)")),
    "a view of the source": ("own pixels", (GIVE, VIEW)),
    "hash of nothing": ("weights", ('"0" * 64', '"none"')),
    "clip on self": ("order", ('prepared["frames"]', "self.frames")),
    "swapped batch": ("batch", (GIVE, SWAPPED)),
    "short batch": ("batch", (GIVE, SHORTER)),
    "a clip once a batch": ("batch", (GIVE, GIVE + ONCE)),
    "instances differ": ("fresh", (RNG, RNG.replace("[seed,", "[self.number, seed,"))),
    "leaves the program": ("unusual", first("_ = prompt or exit(3)")),
    "spoilt by an error": (
        "unusual",
        first(f"self.bad = getattr(self, 'bad', 0) or not prompt; rng = {BADLY}"),
    ),
    "writes into prepared": ("prepared", first("prepared['log'].append(seed)")),
    "writes into the source": ("source", first("prepared['source'][0] = 0")),
    "leaves a hook": ("networks", first("self.network.register_forward_hook(print)")),
    "trains": ("networks", first("self.network.weight.data += 1")),
    "changes the mode": ("networks", first("self.network.eval()")),
    "draws from torch": ("surroundings", first("torch.manual_seed(seed)")),
    "draws from numpy": ("surroundings", first("np.random.seed(seed)")),
    "draws from Python": ("surroundings", first("import random; random.seed(seed)")),
    "environment": ("surroundings", first("os.environ['SMMBENCH_TOY'] = prompt")),
    "folder": ("surroundings", first("os.chdir('/')")),
    "default dtype": ("surroundings", first("torch.set_default_dtype(torch.float64)")),
    "no gradients": ("surroundings", first("torch.set_grad_enabled(False)")),
    "deterministic": ("surroundings", first("torch.use_deterministic_algorithms(True)")),
    "one buffer": (
        "handed over",
        (GIVE, "        self.buffer = frames if self.buffer is None else self.buffer\n"
               "        self.buffer[:] = frames\n        return Video(self.buffer, 8.0)"),
    ),
    "keeps arrays": ("memory", first("self.kept.append(np.ones(2**18))")),
    "keeps arrays elsewhere": ("memory", first("LEAKED.append(np.ones(2**21))")),
    "keeps bytes": ("memory", first("self.kept.append(bytes(2**21))")),
    "keeps each request": (
        "memory", first("self.memo[id(prepared), prompt, seed] = np.ones(2**18)")
    ),
    "no video for another prompt": (
        "prompt",
        (GIVE, f"        if 'cat' in prompt: return None\n{GIVE}"),
    ),
    "no video for an empty prompt": (
        "unusual", (GIVE, f"        if not prompt: return None\n{GIVE}")
    ),
    "a short video now and then": (
        "seeds", (GIVE, "        return Video(frames[:2] if seed == 1 else frames, 8.0)")
    ),
    "another attention": (
        "surroundings", first("torch.backends.cuda.enable_flash_sdp(False)")
    ),
    "deaf to a signal": (
        "surroundings", first("import signal; signal.signal(signal.SIGTERM, lambda *_: 0)")
    ),
    "trains in a partial": (
        "networks", first("self.inner.args[0].training = not self.inner.args[0].training")
    ),
    "leaves a processor": ("networks", first("self.network.processor = object()")),
    "changes a buffer": ("networks", first("self.network.unsaved += 1")),
    "another hook": (
        "networks",
        first("self.hook.remove(); self.hook = self.network.register_forward_hook(print)"),
    ),
    "a folder that is gone": (
        "surroundings",
        first("import tempfile; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)"),
    ),
}  # fmt: skip


@pytest.fixture
def try_method(tmp_path: Path, small_dataset: Path) -> Callable[..., Checked]:
    def run(text: str, name: str = "Toy", **options: Any) -> Checked:
        (tmp_path / "toy.py").write_text(text)
        options = {"dataset": small_dataset, "device": "cpu", "another_process": False, **options}
        return check_method(f"{tmp_path / 'toy.py'}:{name}", **options)

    return run


def outcomes(checked: Checked, outcome: str) -> list[str]:
    return [finding.check for finding in checked.findings if finding.outcome == outcome]


def test_a_good_method_keeps_every_check(try_method: Callable[..., Checked]) -> None:
    checked = try_method(GOOD)
    assert outcomes(checked, "kept") == [check.name for check in CHECKS]
    assert checked.prepare_seconds is not None and checked.transfer_seconds is not None
    assert all(check.text.endswith(".") for check in CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize("case", BROKEN)
def test_each_broken_method_is_named_by_its_check_alone(
    try_method: Callable[..., Checked], case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SMMBENCH_TOY", raising=False)
    check, (old, new) = BROKEN[case]
    assert old in GOOD
    before = os.getcwd(), torch.get_default_dtype(), torch.is_grad_enabled()
    checked = try_method(GOOD.replace(old, new, 1))
    assert [finding.check for finding in checked.broken] == [check]
    assert all(finding.said and finding.advice for finding in checked.broken)
    assert (os.getcwd(), torch.get_default_dtype(), torch.is_grad_enabled()) == before
    assert "SMMBENCH_TOY" not in os.environ


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("", "", "", marks=pytest.mark.slow),
        (RNG, "np.random.default_rng([seed, hash(prompt) & 0xffffffff])", "another process gives"),
        (RNG, "np.random.default_rng([seed, DRAWN, crc32(prompt.encode())])", "another process"),
    ],
    ids=["good", "hash", "drawn at import"],
)
def test_another_process_makes_the_same(
    try_method: Callable[..., Checked], old: str, new: str, said: str
) -> None:
    text = GOOD.replace("LEAKED = []", "LEAKED = []; DRAWN = os.getpid()").replace(
        old or "none", new
    )
    checked = try_method(text, another_process=True)
    assert [one.check for one in checked.broken] == ["fresh"] * bool(said)
    assert all(said in one.said for one in checked.broken)


def test_what_no_other_process_can_load_is_told(
    try_method: Callable[..., Checked], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smmbench.conformance.another_process.CODE", "raise SystemExit('no room')")
    checked = try_method(GOOD, another_process=True)
    (warned,) = (one for one in checked.findings if one.outcome == "warning")
    assert warned.check == "fresh" and "no room" in warned.said


def test_one_failure_does_not_hide_another(try_method: Callable[..., Checked]) -> None:
    text = GOOD.replace(RNG, "np.random.default_rng(seed)").replace('licence="MIT"', 'licence=""')
    text = text.replace(*first("prepared['log'].append(seed); os.chdir('/')"))
    text = text.replace("noise: float = 20.0", "noise: str = 20.0")
    found = [one.check for one in try_method(text).broken]
    assert found == ["parameters", "card", "prompt", "prepared", "surroundings"]


def test_what_the_class_says_is_a_warning(try_method: Callable[..., Checked]) -> None:
    blind = GOOD.replace(RNG, "np.random.default_rng(0)")
    assert outcomes(try_method(blind), "broken") == ["seeds", "prompt"]
    said = blind.replace("built = 0", "built, deterministic = 0, True")
    said = said.replace('licence="MIT"', 'kind="control", licence="MIT"')
    assert (outcomes(try_method(said), "broken"), outcomes(try_method(said), "warning")) == (
        [],
        ["seeds", "prompt"],
    )
    drawn = GOOD.replace("built = 0", "built, deterministic = 0, True")
    assert outcomes(try_method(drawn), "warning") == ["seeds"]
    sized = GOOD.replace(GIVE, "        return Video(frames.repeat(2, 1).repeat(2, 2), 8.0)")
    assert outcomes(try_method(sized), "warning") == ["video"]


def test_what_hangs_is_stopped(try_method: Callable[..., Checked]) -> None:
    text = GOOD.replace(*first("while not prompt: pass"))
    checked = try_method(text, limit=0.5)
    assert [one.check for one in checked.broken] == ["unusual"]
    assert "still running after 0.5 s" in checked.broken[0].said
    with pytest.raises(TimeUpError), time_limit(0.01):
        while True:
            pass


def test_who_swallows_the_end_of_the_time_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smmbench.conformance.watch.limits.AGAIN", 0.05)
    swallowed = 0
    with pytest.raises(TimeUpError), time_limit(0.01):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                swallowed += 1
                if swallowed > 2:
                    raise


@pytest.mark.parametrize("fall, broken", [(11, False), (10**9, True)])
def test_a_process_that_swings_is_no_leak(
    try_method: Callable[..., Checked], monkeypatch: pytest.MonkeyPatch, fall: int, broken: bool
) -> None:
    """Sizes that rise over all transfers of a quick check, and then fall; and that always rise."""
    calls = itertools.count()

    def used() -> int:
        call = next(calls)
        return 2**26 * (call if call < fall else 0)

    monkeypatch.setattr("smmbench.conformance.trial.used_memory", used)
    checked = try_method(GOOD, quick=True)
    assert [one.check for one in checked.broken] == ["memory"] * broken
    if broken:
        assert "of the process grew in each of 8 transfers, by 64 MiB" in checked.broken[0].said


@pytest.mark.skipif(_mallinfo2() is None, reason="only glibc tells")
def test_the_memory_in_use_is_that_of_arrays() -> None:
    """Also where the process has room that was used before: its size would not tell."""
    room = [np.ones(2**17) for _ in range(64)]
    del room
    before = used_memory()
    held = [np.ones(2**17) for _ in range(16)]
    grown = used_memory() - before
    assert 2**24 <= grown < 2**24 + 2**20
    del held
    assert used_memory() - before < 2**20


KEPT = first("self.kept = [*self.kept, np.ones(2**18)][-4:]")  # of the last four


@pytest.mark.parametrize("quick", [True, False])
def test_a_bounded_cache_is_no_leak(try_method: Callable[..., Checked], quick: bool) -> None:
    assert outcomes(try_method(GOOD.replace(*KEPT), quick=quick), "broken") == []


def test_a_network_that_is_loaded_when_it_is_needed_did_not_change(
    try_method: Callable[..., Checked],
) -> None:
    text = GOOD.replace("        self.network =", "        self.late = None; self.network =")
    text = text.replace(*first("self.late = self.late or torch.nn.ReLU()"))
    assert outcomes(try_method(text), "broken") == []


def test_quick_leaves_out_what_is_slow(try_method: Callable[..., Checked]) -> None:
    text = GOOD.replace(*first("LEAKED.append(prompt)"))
    quick = try_method(text, quick=True)
    assert {check.name for check in CHECKS} - {one.check for one in quick.findings} == {
        *("order", "batch", "fresh", "unusual"),
    }
    assert not quick.broken


def test_what_does_not_load_and_what_is_not_there(try_method: Callable[..., Checked]) -> None:
    (finding,) = try_method("import nothing_of_this_name").findings
    assert (finding.check, finding.outcome) == ("class", "broken")
    assert "No module named" in finding.said
    with pytest.raises(ValueError, match="No class 'Other'; available: Parameters, Toy"):
        try_method(GOOD, "Other")
    with pytest.raises(LookupError, match="No parameter 'loud'"):
        try_method(GOOD, settings=["loud=1"])
    with pytest.raises(LookupError, match="No method 'sdedti'"):
        check_method("sdedti")


def test_a_method_from_the_template_keeps_the_frame_rate_of_the_clip(
    tmp_path: Path, moving_square: Video
) -> None:
    name = write_template(tmp_path / "my_own.py", "frames")
    method = resolve(f"{tmp_path / 'my_own.py'}:{name}").implementation
    made = method(method.Parameters(), "cpu")
    video = Video(moving_square.frames, fps=12.0)
    source = Source("square", video, "", other=lambda: video)
    assert made.transfer(made.prepare(source), "a cat", 0).fps == 12.0


@pytest.mark.parametrize("kind", ["frames", pytest.param("diffusion", marks=pytest.mark.slow)])
def test_the_templates_keep_every_check(
    kind: Kind, tmp_path: Path, small_dataset: Path, tiny_backbone: Path
) -> None:
    name = write_template(tmp_path / "my_own.py", kind)
    assert name == "MyOwn"
    settings = [f"model={tiny_backbone}", "steps=2"] if kind == "diffusion" else []
    checked = check_method(
        f"{tmp_path / 'my_own.py'}:MyOwn",
        preset="emoji",
        settings=settings,
        dataset=small_dataset,
        device="cpu",
    )
    assert not checked.broken, checked.broken
    assert outcomes(checked, "kept") == [check.name for check in CHECKS]
    with pytest.raises(FileExistsError, match="it was not changed"):
        write_template(tmp_path / "my_own.py", kind)
    with pytest.raises(ValueError, match="like a Python module"):
        write_template(tmp_path / "my-own.py", kind)


SHORT = {
    **dict.fromkeys(  # latents are too small here to keep a quarter of
        ("smm", "smm-grid", "smm-mask"), ("inversion_steps=2", "iterations=1", "downsample=2")
    ),
    "inversion-swap": ("inversion_steps=2",),
    "moft": ("inversion_steps=2", "reference_level=0.9", "guided_to=0.5"),
    "motion-clone": ("guided_steps=2", "warm_up=0", "cool_down=0"),
    **dict.fromkeys(("ditflow", "smm-ditflow", "flow-motion"), ("guided_to=0.9", "iterations=1")),
    "fast-vmt": (
        "guided_to=0.9",
        "iterations=1",
        "start_level=1",
        "prompt_prefix=",
    ),  # all that the tiny tokenizer reads
    **dict.fromkeys(("flow-edit", "flow-edit-five"), ("noise_level=1",)),
    **dict.fromkeys(
        ("tune-a-video", "vmc", "motion-director"), ("inversion_steps=2", "tuning_steps=2")
    ),
}


WHOLE = ("smm", "motion-clone", "motion-director", "shuffled")  # one of each kind


@pytest.mark.slow
@pytest.mark.parametrize("name", method_names())
def test_every_installed_method_keeps_the_contract(
    name: str, small_dataset: Path, square_dataset: Path, tiny_backbone: Path, tmp_path: Path
) -> None:
    from smmbench.resolving import find_method

    method = find_method(name)
    model, transformer = "emoji" in method.presets, "wan" in getattr(method, "families", {})
    settings: tuple[str, ...] = ()
    if model:
        settings = (f"model={tiny_backbone}", "steps=2", *SHORT.get(name, ()))
    elif transformer:  # it has no meaning on a 3D UNet, and clips that patches of 16 pixels fill
        folder = build_tiny_wan(tmp_path / "wan")
        settings = (f"model={folder}", "dtype=float32", "steps=2", *SHORT.get(name, ()))
    checked = check_method(
        name,
        preset="emoji" if model else None,
        settings=settings,
        dataset=square_dataset if transformer and not model else small_dataset,
        device="cpu",
        quick=name not in WHOLE,
    )
    assert not checked.broken, checked.broken


@pytest.mark.slow
def test_the_command_line(
    tmp_path: Path, small_dataset: Path, smmbench: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert smmbench("methods", "new", "tint.py")[0] == 0
    words = ("methods", "check", "tint.py:Tint", "--dataset", small_dataset, "--device", "cpu")
    code, out, err = smmbench(*words)
    assert code == 0 and "tint.py:Tint passes every check" in out and "[21/21] memory" in err
    code, out, _ = smmbench(*words, "--set", "strength=1", "--set", "noise=0", "--json")
    content = json.loads(out)
    assert code == 1 and not content["kept"]
    assert [one["check"] for one in content["findings"] if one["outcome"] == "broken"] == ["seeds"]
    assert smmbench("methods", "new", "tint.py")[0] == 2
    assert smmbench("methods", "check", "tint.py:Taint")[0] == 2


def test_a_fingerprint_names_what_changed() -> None:
    thing: dict[str, Any] = {
        "x": torch.zeros(3),
        "rng": np.random.default_rng(0),
        "inner": [np.zeros(2), "text"],
    }
    before = fingerprint(thing)
    assert fingerprint(thing) == before
    thing["rng"].random()
    thing["inner"][0][1] = 1
    assert changes(before, fingerprint(thing)) == ["['rng']", "['inner'][0]"]


def test_walking_ends_and_counts_shared_memory_once() -> None:
    loop: dict[str, Any] = {"x": np.zeros(100)}
    loop["again"], loop["view"] = loop, loop["x"][:10]
    assert len(list(leaves(loop))) == 2
    assert held_bytes(loop) == 800


@pytest.mark.parametrize(
    "device, apart_by, found",
    [("cuda", 1, "warning"), ("cpu", 1, "broken"), ("cuda", 90, "broken")],
)
def test_a_gpu_may_round_a_fresh_instance_otherwise(device: str, apart_by: int, found: str) -> None:
    frames = np.full((2, 4, 4, 3), 100, np.uint8)
    videos = [Video(frames, 8.0), Video(frames + np.uint8(apart_by), 8.0)]
    first, fresh = (Made(video, video.pixels_sha256, 0.0) for video in videos)

    class Stub(Trial):
        def __init__(self) -> None:
            self.device, self.world, self.reference = device, load_world("emoji-val"), ""

        def transfer(self, request: Any, turn: str = "", which: str = "first") -> Made:
            return fresh if which == "fresh" else first

    assert repeating.fresh(Stub()).outcome == found
