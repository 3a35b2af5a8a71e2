"""Every environment variable that is read."""

from __future__ import annotations

import re
from pathlib import Path

from smmbench_manual.contents import ROOT
from smmbench_manual.reference.command_line import commands, variables
from smmbench_manual.reference.markdown import code, page, table

OTHERS = {
    "SMMBENCH_HOME": "Folder for caches, downloaded weights, official code and its environments. "
    "Default: `smmbench` in the user's cache folder.",
    "XDG_CACHE_HOME": "The user's cache folder, if `SMMBENCH_HOME` is not set. Default: "
    "`~/.cache`.",
    "SMMBENCH_LATENT_CACHE_GB": "Largest size of the cache of inverted latents, in GB. Default: "
    "20; 0 disables it.",
    "SMMBENCH_CUDA_GRAPHS": "0 disables the recording of GPU work as CUDA graphs.",
    "SMMBENCH_MAX_FRAMES": "Largest number of frames that is read of a video.",
    "SMMBENCH_MAX_FRAME_PIXELS": "Largest number of pixels that a frame of a video may have.",
    "SMMBENCH_MAX_PIXELS": "Largest number of pixels that all frames of a video together may have.",
    "SMMBENCH_PICKSCORE": "Folder of the weights of PickScore, for the metric `pickscore`.",
    "SMMBENCH_DINO": "Folder of the weights of DINO, for the metric `dino_consistency`.",
    "SMMBENCH_VLM": "Folder of a vision-language model, for the metric `yes_probability`.",
    "SMMBENCH_XCLIP": "Folder of X-CLIP, for the metric `video_text_similarity`.",
    "SMMBENCH_ALLTRACKER": "Checkpoint of AllTracker.",
    "SMMBENCH_REPOSITORY": "Address of the repository's files at the released version, for links "
    "in the long description of a release and in this manual.",
    "HF_HUB_OFFLINE": "1 disables all requests to the Hugging Face hub.",
    "HF_HOME": "Folder of the Hugging Face hub's files.",
    "HF_HUB_CACHE": "Cache of the Hugging Face hub.",
    "HF_ENDPOINT": "Address of the Hugging Face hub or of a mirror.",
    "NVIDIA_TF32_OVERRIDE": "0 makes GPUs multiply float32 in full precision; records state it.",
    "CC": "C compiler, which `torch.compile` needs; `doctor` looks for it.",
    "COLUMNS": "Width of tables if the output is not a terminal.",
}
"""Variables that belong to no option."""


def by_option() -> dict[str, tuple[set[str], str]]:
    """Map each variable of an option to the commands that read it and to what the option means."""
    found: dict[str, tuple[set[str], str]] = {}
    for words, command in commands():
        for option in command.params:
            for name in variables(option) if option.param_type_name == "option" else ():
                readers, _ = found.setdefault(name, (set(), option.help or ""))
                readers.add(" ".join(words[1:]))
    return found


def in_code(root: Path = ROOT) -> set[str]:
    """Names of the project's own variables that the code of users mentions."""
    packages = [path for path in root.glob("*/smmbench*") if path.is_dir()]
    wanted = [p for p in packages if p.name not in {"smmbench_manual", "smmbench_research"}]
    return {
        name
        for package in wanted
        for path in package.rglob("*.py")
        for name in re.findall(r"\"(SMMBENCH_[A-Z_0-9]+)\"", path.read_text(encoding="utf-8"))
    }


def environment_variables() -> str:
    """Write the page of all environment variables."""
    options = by_option()
    return page(
        "Environment variables",
        "An option on the command line overrides its variable.",
        "## Variables of options",
        table(
            ["variable", "meaning", "commands"],
            [
                (code(name), meaning, ", ".join(code(reader) for reader in sorted(readers)))
                for name, (readers, meaning) in sorted(options.items())
            ],
        ),
        "## Other variables",
        table(["variable", "meaning"], [(code(name), said) for name, said in OTHERS.items()]),
    )
