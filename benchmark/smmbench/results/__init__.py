"""What lies on disk between making and scoring.

results/<method>/<dataset>/<clip>/<edit>/seed-<n>/
    video.mkv      lossless, what is scored
    preview.mp4    what a browser plays
    record.json    how it was made: `RunRecord`
    command.log    what the commands of official code printed; only where such code ran
    scores.json    what it scored, keyed by what the number depends on: `ScoreFile`
results/<method>/method.json    the method's card and parameters: `MethodFile`
"""

from smmbench.errors import FailureKind
from smmbench.results.files import (
    read_method,
    read_record,
    read_scores,
    scores_of,
    write_method,
    write_record,
    write_scores,
)
from smmbench.results.identity import other_method, parameters_sha256
from smmbench.results.records import (
    SCHEMA_VERSION,
    Environment,
    Failure,
    Imported,
    MethodFile,
    Request,
    RunRecord,
    Score,
    ScoreFile,
    Stored,
    Tuning,
)
from smmbench.results.tree import PREVIEW, VIDEO, find_records, method_folder, result_folder

__all__ = [
    "PREVIEW",
    "SCHEMA_VERSION",
    "VIDEO",
    "Environment",
    "Failure",
    "FailureKind",
    "Imported",
    "MethodFile",
    "Request",
    "RunRecord",
    "Score",
    "ScoreFile",
    "Stored",
    "Tuning",
    "find_records",
    "method_folder",
    "other_method",
    "parameters_sha256",
    "read_method",
    "read_record",
    "read_scores",
    "result_folder",
    "scores_of",
    "write_method",
    "write_record",
    "write_scores",
]
