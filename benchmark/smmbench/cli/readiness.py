"""What a dry run reports about this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smmbench.display import print_line

if TYPE_CHECKING:
    from smmbench.doctor import Check
    from smmbench.running.loop import Plan


def checks_of(plan: Plan, preset: str | None) -> list[Check]:
    """Check the requirements of a planned run."""
    from smmbench.doctor.readiness import Wanted, run_readiness

    job, todo = plan.job, plan.todo
    implementation = job.method.implementation
    wanted = Wanted(
        dataset=plan.dataset,
        clips=list({pair.clip.name: pair.clip for pair in todo}.values()),
        videos=len(todo),
        parameters=job.parameters,
        method=job.method.label,
        preset=preset or "",
        checkpoints=implementation.checkpoints,
        packages=implementation.packages,
        device=job.device,
        root=job.root,
    )
    return list(run_readiness(wanted))


def print_checks(checks: list[Check]) -> None:
    """Print failed checks, then whether the run can start; to standard error."""
    from smmbench.doctor.readiness import is_ready

    for check in checks:
        if check.state != "works" or not check.needed:
            mend = f" {check.mend}" if check.mend else ""
            print_line(f"{check.name}: {check.state}: {check.found}.{mend}", err=True)
    lacking = [check.name for check in checks if check.needed and check.state != "works"]
    if is_ready(checks):
        print_line("Ready: the run can start here.", err=True)
    else:
        print_line(f"Not ready: {', '.join(lacking)}.", err=True)
