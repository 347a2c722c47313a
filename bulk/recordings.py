"""List the recordings of the input, and read one of them.

The rules that decide which files form a recording are in the client package, in
`ecgfm_client.folders`.
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

# The longest recording that is read, in seconds: a day. The server's default is 600 s, but here no
# client waits for an answer.
MAX_SECONDS = 86_400.0
PATH_COLUMN = "path"


def list_recordings(path: Path) -> list[Recording]:
    """Return all recordings below a folder, or those that a Parquet or CSV table lists.

    path  the folder or the table; a table lists paths, relative to its own folder, in its column
          `path`

    A path that is listed twice is returned once. Raises UnusableInput if the argument is neither a
    folder nor a table with a column `path`.
    """
    if path.is_dir():
        return find_recordings(path)
    # Unlike a set, a dict keeps the order of the paths.
    names = dict.fromkeys(str(name) for name in _path_column(path))
    return [recording_of(path.parent / name, name) for name in names]


def _path_column(table: Path) -> list[object]:
    """Return the cells of a table's column `path`. Raises UnusableInput."""
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
    """Return one recording, read from its files and cut into segments, or the reason it failed.

    A recording that cannot be read raises no error, because the others can still be read.
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
