"""Output of `smmbench run`: what it would do, and what it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from smmbench.cli.readiness import print_checks
from smmbench.display import print_json, print_line

if TYPE_CHECKING:
    from smmbench.doctor import Check
    from smmbench.running.loop import Plan, Summary


def print_plans(plans: Sequence[Plan], checks: list[Check], json: bool) -> None:
    """Print the pairs that runs would make, one run for each reference.

    Args:
        plans: At least one.
        checks: What was looked at of this machine.
        json: Print JSON; the key `reference` is there if a reference was named that is not the
            clip's own.
    """
    import dataclasses

    from rich.table import Table

    from smmbench.display import print_table

    job, dataset = plans[0].job, plans[0].dataset.manifest.name
    referred = any(plan.job.reference != "forward" for plan in plans)
    rows = [row for plan in plans for row in _rows(plan, referred)]
    todo = sum(len(plan.todo) for plan in plans)
    if json:
        about = {"method": job.label, "parameters": job.recorded_parameters, "device": job.device}
        looked_at = [dataclasses.asdict(check) for check in checks]
        print_json({**about, "todo": todo, "pairs": rows, "checks": looked_at})
        return
    titles = ("clip", "edit", "seed", *(["reference"] if referred else []), "state", "prompt")
    table = Table(*titles, box=None)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    print_table(table)
    print_line(
        f"{job.label} on {dataset}: {todo} of {len(rows)} pairs would run on "
        f"{job.device}, into {job.root}.",
        err=True,
    )
    print_checks(checks)


def print_summaries(plans: Sequence[Plan], summaries: Sequence[Summary], json: bool) -> None:
    """Print what runs did, one for each reference; as JSON, one object or a list of them."""
    contents = [_content(plan, summary) for plan, summary in zip(plans, summaries, strict=True)]
    if json:
        print_json(contents[0] if len(contents) == 1 else contents)
    for plan, summary in zip(plans, summaries, strict=True):
        _print_summary(plan, summary)
    job, name = plans[0].job, plans[0].dataset.manifest.name
    if any(summary.failed for summary in summaries):
        print_line(f"Tracebacks are in {job.root / job.label / 'run.log'}.", err=True)
    choice = "" if job.dataset == name else f" --dataset {job.dataset}"  # only its path finds it
    if any(summary.made or summary.kept for summary in summaries):  # there is a video
        print_line(f"Next: smmbench score {job.root}{choice}", err=True)


def _rows(plan: Plan, referred: bool) -> list[dict[str, Any]]:
    return [
        {
            "clip": pair.clip.name,
            "edit": pair.edit.name,
            "seed": pair.seed,
            **({"reference": plan.job.reference} if referred else {}),
            "state": state,
            "prompt": pair.edit.prompt,
        }
        for pair, state in plan.pairs
    ]


def _content(plan: Plan, summary: Summary) -> dict[str, Any]:
    import dataclasses

    job = plan.job
    return {
        **dataclasses.asdict(summary),
        "failures": [record.model_dump(mode="json") for record in summary.failures],
        "results": str(job.root / job.label),
        **({"reference": job.reference} if job.reference != "forward" else {}),
    }


def _print_summary(plan: Plan, summary: Summary) -> None:
    from smmbench.progress import duration

    job = plan.job
    given = "" if job.reference == "forward" else f", reference {job.reference}"
    print_line(
        f"{job.label} on {plan.dataset.manifest.name}{given}: {summary.made} made, "
        f"{summary.kept} done before, {summary.failed} failed, in {duration(summary.seconds)}; "
        f"results in {job.root / job.label}.",
        err=True,
    )
