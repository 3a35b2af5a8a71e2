"""The files between generation and scoring.

results/<method>/<dataset>/<clip>/<edit>/seed-<n>/    or seed-<n>-reversed, -other, -none
    video.mkv      lossless, what is scored
    preview.mp4    what a browser plays
    record.json    how it was made: `RunRecord`
    command.log    what the commands of official code printed; only where such code ran
    scores.json    what it scored, keyed by what the number depends on: `ScoreFile`
    tracks.npz     the tracks that motion fidelity compared
results/<method>/method.json    the method's card and parameters: `MethodFile`
"""

from smmbench.errors import FailureKind
from smmbench.results.files import (
    marks_of,
    of_this_video,
    parse,
    read_method,
    read_record,
    read_scores,
    scores_of,
    stored_video,
    write_method,
    write_record,
    write_scores,
)
from smmbench.results.identity import (
    identity_of,
    other_method,
    parameters_sha256,
    recorded_parameters,
)
from smmbench.results.records import (
    SCHEMA_VERSION,
    Environment,
    Failure,
    Imported,
    Mark,
    MethodFile,
    Request,
    RunRecord,
    Score,
    ScoreFile,
    Stored,
    StoredVideo,
    TracksFile,
    Tuning,
    VideoFile,
)
from smmbench.results.tree import (
    PREVIEW,
    VIDEO,
    find_records,
    method_folder,
    method_folder_of,
    result_folder,
)
from smmbench.video import Reference

__all__ = [
    "PREVIEW",
    "SCHEMA_VERSION",
    "VIDEO",
    "Environment",
    "Failure",
    "FailureKind",
    "Imported",
    "Mark",
    "MethodFile",
    "Reference",
    "Request",
    "RunRecord",
    "Score",
    "ScoreFile",
    "Stored",
    "StoredVideo",
    "TracksFile",
    "Tuning",
    "VideoFile",
    "find_records",
    "identity_of",
    "marks_of",
    "method_folder",
    "method_folder_of",
    "of_this_video",
    "other_method",
    "parameters_sha256",
    "parse",
    "read_method",
    "read_record",
    "read_scores",
    "recorded_parameters",
    "result_folder",
    "scores_of",
    "stored_video",
    "write_method",
    "write_record",
    "write_scores",
]
