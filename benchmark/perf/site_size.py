"""How large the site is, what building it takes, and how fast its board opens.

    python benchmark/perf/site_size.py --methods 100 --clips 50

Generates results of that many methods on twenty prompts of each clip (synthetic scores and one
preview for each pair), builds the site in a process that is ended if it ever holds more than 200 MB
of memory, and opens the board in Chromium, compared with a blank page (`pip install playwright`;
Chromium must be on the path).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

PROMPTS = 20  # per clip
LIMIT = 200e6  # resident bytes
PAPER = "Yatim et al., CVPR 2024, https://arxiv.org/abs/2311.17009"
"""Paper of every synthetic method: one with published values, which the board then shows."""
CODE = """
import sys
from pathlib import Path
from smmbench_leaderboard.site.build import site_of_results
site_of_results(Path(sys.argv[1]), Path(sys.argv[2]), [sys.argv[3]])
"""


def main() -> None:
    """Generate, build, open and print."""
    parser = argparse.ArgumentParser(description="Measure a large site.")
    parser.add_argument("--methods", type=int, default=100, help="Rows of the board.")
    parser.add_argument("--clips", type=int, default=50, help="Clips, of twenty prompts each.")
    parser.add_argument("--runs", type=int, default=7, help="Openings of each page.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = make_results(folder, asked.methods, asked.clips)
        site = folder / "site"
        seconds, peak = build(folder / "results", site, manifest)
        print(f"{asked.methods} methods x {asked.clips * PROMPTS} pairs: built in {seconds:.0f} s,")
        print(f"{peak / 1e6:.0f} MB resident at most; load {os.getloadavg()[0]:.1f}")
        report(site)
        open_board(site, asked.runs)


def build(results: Path, site: Path, manifest: Path) -> tuple[float, float]:
    """Build the site in a separate process; return the seconds and the peak of resident bytes.

    The kernel keeps the high-water mark, so no peak between two readings is missed.
    """
    start, peak = time.perf_counter(), 0.0
    command = [sys.executable, "-c", CODE, str(results), str(site), str(manifest)]
    one = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=one) as process:
        while process.poll() is None:
            peak = max(peak, high_water(process.pid))
            if peak > LIMIT:
                process.kill()
                sys.exit(f"Ended: {peak / 1e6:.0f} MB after {time.perf_counter() - start:.0f} s.")
            time.sleep(0.02)
    if process.returncode:
        sys.exit("The build failed.")
    return time.perf_counter() - start, peak


def high_water(process: int) -> float:
    """Peak of resident bytes of a process; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return max((1024 * float(x.split()[1]) for x in lines if x.startswith("VmHWM")), default=0.0)


def make_results(folder: Path, methods: int, clips: int) -> Path:
    """Write synthetic results as the two loops would, and a preview for each pair."""
    from smmbench.video import NormalForm
    from smmbench_leaderboard.site.previews import preview_name

    frames, width, height, fps = 81, 832, 480, 16.0
    text = (
        'name = "large"\nversion = 1\ntitle = "Large"\ndescription = "Made up"\n'
        f'licence = "CC0-1.0"\n[protocol]\nframes = {frames}\nwidth = {width}\n'
        f'height = {height}\nfps = {fps}\ntext_model = "none"\n'
    )
    for i in range(clips):
        text += (
            f'[[clips]]\nname = "clip-{i:02}"\nprompt = "clip {i}"\n'
            f'video = {{ path = "clip-{i}.mkv", sha256 = "{i:064x}" }}\n'
            f'pixels_sha256 = "{i:064x}"\nlicence = "CC0-1.0"\nattribution = "made up"\n'
            f'tags = ["family-{i % 5}"]\n'
        )
        for j in range(PROMPTS):
            text += (
                f'[[clips.edits]]\nname = "edit-{j:02}"\n'
                f'prompt = "something else, number {j}, like clip {i}"\n'
            )
    manifest = folder / "large.toml"
    manifest.write_text(text)
    media = folder / "site" / "media"
    media.mkdir(parents=True)
    form = NormalForm(frames, width, height, fps)
    for place in range(clips * PROMPTS):
        (folder / "site" / preview_name(f"{place:064x}", form)).write_bytes(b"made up")
    for i in range(clips):
        (folder / "site" / preview_name(f"{i:064x}", form)).write_bytes(b"made up")
    draws = np.random.default_rng(0)
    for number in range(methods):
        write_method(folder / "results", f"method-{number:03}", clips, draws)
    return manifest


def write_method(root: Path, label: str, clips: int, draws: np.random.Generator) -> None:
    """Write all results of one method."""
    from smmbench.metrics import metric
    from smmbench.results import (
        VIDEO,
        Environment,
        MethodFile,
        Request,
        RunRecord,
        Score,
        ScoreFile,
        parameters_sha256,
        result_folder,
        write_method,
    )
    from smmbench.scoring.intact import video_file

    card = {"title": f"{label} in words", "paper": PAPER, "family": "wan"}
    kind = {"label": label, "entry": f"made_up:{label}", "card": card}
    write_method(root / label, MethodFile.model_validate(kind))
    skill = draws.uniform(0.2, 0.9)
    pixels, clip, edit, motion, text = "0" * 64, "clip-00", "edit-00", 0.123, 0.234
    request = Request(
        method=label, dataset="large", dataset_version=1, clip=clip, edit=edit, seed=0
    )
    parameters = {"steps": 50, "guidance": 7.5}
    record = RunRecord(
        status="done",
        request=request,
        source_sha256="1" * 64,
        prompt="PROMPT",
        entry=f"made_up:{label}",
        parameters=parameters,
        parameters_sha256=parameters_sha256(f"made_up:{label}", parameters, {}),
        environment=Environment(
            device="cuda: made up", python="3.11", packages={"torch": "2", "diffusers": "1"}
        ),
        transfer_seconds=12.0,
        pixels_sha256=pixels,
    )
    sides = {"source_to_output": motion, "output_to_source": motion, "other_sources": 0.4}
    scores = [
        Score(
            metric=name,
            version=metric(name).version,
            value=value,
            details=details,
            key="2" * 64,
            origin={"output": pixels, "protocol": {"frames": 81}, "weights": "made up"},
            per_frame={name: tuple(draws.random(81).round(4).tolist())},
        )
        for name, value, details in (
            ("text_similarity", text, {}),
            ("motion_fidelity", motion, sides),
        )
    ]
    for place in range(clips * PROMPTS):
        i, j = divmod(place, PROMPTS)
        here = request.model_copy(update={"clip": f"clip-{i:02}", "edit": f"edit-{j:02}"})
        folder = result_folder(root, here)
        folder.mkdir(parents=True)
        (folder / VIDEO).write_bytes(b"made up")
        file = ScoreFile(
            request=request,
            pixels_sha256=pixels,
            scores=tuple(scores),
            video_file=video_file(folder / VIDEO),
        )
        shown = float(np.clip(skill + 0.2 * draws.normal(), -1, 1))
        for name, content in (("record.json", record), ("scores.json", file)):
            written = content.model_dump_json()
            for old, new in (
                (pixels, f"{place:064x}"),
                ("1" * 64, f"{i:064x}"),
                ("PROMPT", f"something else, number {j}, like clip {i}"),
                (clip, here.clip),
                (edit, here.edit),
                ("0.123", f"{shown:.6f}"),
                ("0.234", f"{0.2 + 0.1 * draws.random():.6f}"),
            ):
                written = written.replace(old, new)
            (folder / name).write_text(written)


def report(site: Path) -> None:
    """Print the sizes of the board's page and of what it loads."""
    page = (site / "index.html").stat().st_size
    assets = sum((site / "assets" / name).stat().st_size for name in BOARD_LOADS)
    data = [path.stat().st_size for path in site.rglob("data/**/*.js")]
    print(f"board page {page / 1000:.0f} kB, its style and scripts {assets / 1000:.0f} kB")
    print(
        f"data of viewer and comparison: {len(data)} files, {sum(data) / 1e6:.0f} MB in all, ",
        end="",
    )
    print(f"the largest {max(data) / 1000:.0f} kB; each is loaded when it is viewed")


BOARD_LOADS = ("site.css", "site.js", "board.js")


def open_board(site: Path, runs: int) -> None:
    """Open the board and a blank page in turn, and print the median time until each is drawn."""
    path = shutil.which("chromium")
    if path is None:
        print("not opened: there is no Chromium here")
        return
    from playwright.sync_api import sync_playwright

    blank = site / "blank.html"
    blank.write_text("<!doctype html><title>blank</title><p>blank")
    taken: dict[str, list[float]] = {"board": [], "blank page": []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(runs + 1):  # the first one fills the caches
            for name, file in (("board", site / "index.html"), ("blank page", blank)):
                page = browser.new_page()
                start = time.perf_counter()
                page.goto(file.as_uri())
                page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
                taken[name].append(time.perf_counter() - start)
                page.close()
        browser.close()
    times = {name: median(of[1:]) for name, of in taken.items()}
    print(json.dumps({name: f"{seconds:.2f} s" for name, seconds in times.items()}))


if __name__ == "__main__":
    main()
