"""The recordings of the input, and how one of them is read.

Needs the client package for its rules of which files form a recording.
"""

from __future__ import annotations

from pathlib import Path

from ecgfm_client.errors import UnusableInput
from ecgfm_client.folders import Recording, find_recordings, recording_of

from analysis.deployment import Deployment
from analysis.options import FeatureOptions
from analysis.prepare import prepare
from bulk.outcomes import FailedRecording, PreparedRecording
from errors import EcgError
from formats.parts import Part
from formats.registry import DEFAULT_MAX_BYTES, read

# A day: a long recording takes time, and no client waits for an answer here.
MAX_SECONDS = 86_400.0
PATH_COLUMN = "path"


def list_recordings(path: Path) -> list[Recording]:
    """Return all recordings below a folder, or those that a Parquet or CSV table names.

    Paths in a table are relative to the table's folder. Raises UnusableInput if `path` is
    neither a folder nor a table with a column `path`.
    """
    if path.is_dir():
        return find_recordings(path)
    names = dict.fromkeys(str(name) for name in _path_column(path))
    return [recording_of(path.parent / name, name) for name in names]


def _path_column(table: Path) -> list[object]:
    import pyarrow.csv
    import pyarrow.parquet

    is_parquet = table.suffix == ".parquet"
    read_table = pyarrow.parquet.read_table if is_parquet else pyarrow.csv.read_csv
    try:
        paths: list[object] = read_table(table).column(PATH_COLUMN).to_pylist()
    except (OSError, KeyError, pyarrow.ArrowInvalid) as error:
        raise UnusableInput(
            f"{table}: neither a folder nor a table with a column `{PATH_COLUMN}` "
            f"({type(error).__name__})"
        ) from None
    return paths


def read_recording(
    recording: Recording, options: FeatureOptions, deployment: Deployment
) -> PreparedRecording | FailedRecording:
    """Read one recording from its files and cut it into segments.

    An error is returned, not raised: it concerns this recording only.
    """
    try:
        size = sum(path.stat().st_size for path in recording.files)
        if size > DEFAULT_MAX_BYTES:
            detail = f"{size} bytes; at most {DEFAULT_MAX_BYTES} are read"
            return FailedRecording(recording.name, "body_too_large", detail)
        parts = [Part(path.name, path.read_bytes()) for path in recording.files]
        prepared = prepare(read(parts), options, deployment, max_seconds=MAX_SECONDS)
    except EcgError as error:
        return FailedRecording(recording.name, error.code, error.detail)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return FailedRecording(recording.name, "unusable_file", reason)
    return PreparedRecording(recording.name, prepared)
