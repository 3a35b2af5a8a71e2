"""Writing the description of a method for the board, once the method has loaded."""

from __future__ import annotations

from smmbench.results import (
    MethodFile,
    method_folder,
    read_method,
    write_method,
)
from smmbench.running.job import Job
from smmbench.storage.atomic import held


def write_method_file(job: Job, dataset: str) -> None:
    """Write `method.json`, or add the parameters of one more dataset to it.

    Called after the method has loaded, so that a method without weights leaves no row behind.

    Args:
        job: The job.
        dataset: Name of its dataset; the file lists parameters by dataset.
    """
    folder = method_folder(job.root, job.label)
    with held(folder):  # a run on another dataset adds its parameters to the same file
        earlier = read_method(folder)
        about = _about(job, dataset, earlier)
        if about != earlier:
            write_method(folder, about)


def _about(job: Job, dataset: str, earlier: MethodFile | None) -> MethodFile:
    parameters = {} if earlier is None else dict(earlier.parameters)
    tuning = {} if earlier is None else dict(earlier.tuning)
    recorded = job.recorded_parameters
    if job.tuning is not None:
        tuning[dataset] = job.tuning
    elif parameters.get(dataset) != recorded:
        tuning.pop(dataset, None)  # what was searched are others
    parameters[dataset] = recorded
    return MethodFile(
        label=job.label,
        entry=job.method.entry,
        card=job.method.card,
        deterministic=job.method.implementation.deterministic,
        parameters=parameters,
        tuning=tuning,
    )
