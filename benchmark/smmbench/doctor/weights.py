"""Weights: the models bundled with distributions, and hub models in the local cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from smmbench.doctor.check import Check
from smmbench.plugins import load_offered, offered
from smmbench.storage.home import SUMS, file_sha256, home, published_sha256
from smmbench.storage.hub_snapshot import offline

GROUP = "smmbench.models"
EMBEDDED = ("emoji", "emoji-clip", "emoji-wan", "emoji-wan-clip")
"""Models with which the embedded worlds run and are scored."""
WEIGHTS = ("*.safetensors", "*.bin", "*.pt")
WAIT = 10.0  # seconds for a hub to answer


def carried() -> Iterator[Check]:
    """Check that the bundled models' files are those that were published."""
    seen: dict[Path, set[str]] = {}
    for name in offered(GROUP):
        needed = name in EMBEDDED
        try:
            folder = Path(load_offered(GROUP, name, "model")())
        except Exception as error:  # another distribution's function may raise anything
            mend = "Repair or uninstall that distribution."
            yield Check(f"model {name}", "broken", str(error), mend, needed)
            continue
        seen.setdefault(folder.parent, set()).add(folder.name)
        yield _folder(f"model {name}", folder, needed)
    for parent, names in seen.items():  # for example a judge: bundled, but not a named model
        for other in sorted({line.split("/")[0] for line in published_sha256(parent)} - names):
            yield _folder(f"weights {other}", parent / other, needed=False)


def hub(online: bool) -> Iterator[Check]:
    """Whether the hub is enabled and answers, and which of its models are here."""
    from smmbench.diffusion.weights_folder import REVISIONS

    yield _access(online)
    for model, revision in REVISIONS.items():
        place = _cached(model, revision)
        if place:
            yield Check(f"model {model}", "works", f"in {place}")
        else:
            yield Check(
                f"model {model}",
                "not here",
                f"not in {_hub_cache()}",
                f"It is downloaded when named: --set model={model}; or name a folder that "
                "contains it: --set model=DIR.",
            )


def text_models() -> Iterator[Check]:
    """Check the hub's text models with which installed datasets are scored."""
    from smmbench.dataset import dataset_names, load_dataset

    users: dict[str, list[str]] = {}
    for dataset in dataset_names():
        try:
            spec = load_dataset(dataset).manifest.protocol.text_model
        except Exception:  # a broken dataset is reported in its own line
            continue
        users.setdefault(spec, []).append(dataset)
    for spec, datasets in users.items():
        yield from text_model_check(spec, f"for {', '.join(datasets)}")


def text_model_check(spec: str, use: str = "for scoring") -> Iterator[Check]:
    """Check whether a text model of the hub is here; yield nothing for a bundled one or a file.

    Args:
        spec: The model's name in a protocol.
        use: Its use, in words.
    """
    model, _, tag = spec.partition(":")
    if not tag:
        return
    import open_clip  # only here: it loads PyTorch

    known = open_clip.get_pretrained_cfg(model, tag)
    if not known:
        return
    name = f"text model {spec}"
    if place := _cached(str(known.get("hf_hub", "")).rpartition("/")[0]):
        yield Check(name, "works", f"{use}; in {place}")
        return
    yield Check(
        name,
        "not here",
        f"{use}; not in {_hub_cache()}",
        "It is downloaded when used; or name a local file: --text-model "
        f"{model}:/path, or another model: --text-model emoji-clip.",
    )


def _folder(name: str, folder: Path, needed: bool) -> Check:
    """Check a bundled folder against the published hashes."""
    mend = "Reinstall the toolkit; its wheel contains this folder."
    if not folder.is_dir():
        return Check(name, "broken" if needed else "not here", f"no '{folder}'", mend, needed)
    sums = {
        path: sha for path, sha in published_sha256(folder.parent).items() if _is_in(path, folder)
    }
    wrong = [path for path, sha in sums.items() if _sha256(folder.parent / path) != sha]
    if wrong:
        found = f"differ from the published files: {', '.join(wrong)}"
        return Check(name, "broken", found, mend, needed)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    state = f"{len(sums)} hashes verified" if sums else f"no {SUMS} to verify it"
    return Check(name, "works", f"{folder}, {size / 2**20:.1f} MiB, {state}", needed=needed)


def _access(online: bool) -> Check:
    if offline():
        mend = "Unset HF_HUB_OFFLINE to download from it."
        return Check("hub", "not here", "HF_HUB_OFFLINE is set, so it is not contacted", mend)
    if not online:
        return Check(
            "hub", "not here", "not checked", "Run `smmbench doctor --online` to check it."
        )
    from huggingface_hub import HfApi

    from smmbench.diffusion.weights_folder import REVISIONS

    model, revision = next(iter(REVISIONS.items()))
    api = HfApi()
    try:
        api.model_info(model, revision=revision, timeout=WAIT)
    except Exception as error:  # network, proxies and certificates raise many kinds
        reason = f"{api.endpoint} does not provide {model}: {type(error).__name__}"
        mend = "To work without it, set HF_HUB_OFFLINE=1; then nothing waits for it."
        return Check("hub", "broken", reason, mend)
    return Check("hub", "works", f"{api.endpoint} provides {model} at {revision[:12]}")


def _cached(model: str, revision: str = "*") -> str:
    """Location of a hub model's weights on this machine; empty if there are none."""
    safe = model.replace("/", "--")
    places = [home() / "models" / safe, _hub_cache() / f"models--{safe}" / "snapshots"]
    for place in places if model else ():
        for snapshot in place.glob(revision):
            if any(next(snapshot.rglob(pattern), None) for pattern in WEIGHTS):
                return str(snapshot)
    return ""


def _hub_cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _is_in(path: str, folder: Path) -> bool:
    return path.split("/")[0] == folder.name


def _sha256(path: Path) -> str:
    return file_sha256(path) if path.is_file() else "missing"
