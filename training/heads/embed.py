"""Embeddings from a running server, for training: recordings are posted to /extract_features.

The recordings are a folder of files of any format that the server reads (files of one name belong
together), or PTB-XL. Recordings that the server refuses are reported and left out. Every answer is
checked to come from the same encoder.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import httpx
import msgpack
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from errors import BadTrainingData
from heads.head import EncoderReference
from signals.leads import LEADS
from training.datasets.packed import loader_of
from training.datasets.ptbxl import read_table
from training.heads.embeddings_file import Embeddings

Signal = NDArray[np.float32]

# Arrays in one request: well under ECG_MAX_RECORDS, about a second of work on a CPU.
BATCH: Final = 32
TIMEOUT_S: Final = 300.0  # longer than any deadline of the server
TRIES: Final = 10
MAX_WAIT_S: Final = 30.0  # between two tries
MSGPACK: Final = "application/msgpack"
PACKED_RATE_HZ: Final = 100.0
SHOWN_REFUSALS: Final = 5

# Errors of a busy or restarting server; another try may succeed.
TRANSIENT: Final = frozenset({"overloaded", "worker_restarting", "deadline_exceeded", "starting"})


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording to embed: its files, or its samples (12, samples) in mV."""

    record_id: str
    patient_id: str
    files: tuple[Path, ...] = ()
    signal: Signal | None = None
    fs: float = 0.0


@dataclass
class Refusals:
    """Recordings that the server refused: record_id -> reason."""

    reasons: dict[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        first = islice(self.reasons.items(), SHOWN_REFUSALS)
        shown = "; ".join(f"{record}: {reason}" for record, reason in first)
        more = "; ..." if len(self.reasons) > SHOWN_REFUSALS else ""
        return f"{len(self.reasons)} recordings left out: {shown}{more}"


def recordings_of_folder(folder: Path, patients: Path | None) -> list[Recording]:
    """Return every recording in a folder and its subfolders, without hidden files.

    A recording's id is its path in the folder without the extension.

    patients  a CSV with record_id and patient_id; None: each recording counts as one patient
    Raises BadTrainingData if there is no file, or a recording without a patient.
    """
    groups: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in relative.parts)
        if path.is_file() and not is_hidden:
            groups.setdefault(relative.with_suffix("").as_posix(), []).append(path)
    if not groups:
        raise BadTrainingData(f"{folder}: no file in it")
    if patients is None:
        return [Recording(record, record, tuple(files)) for record, files in groups.items()]
    patient_of = _read_patients(patients)
    missing = [record for record in groups if record not in patient_of]
    if missing:
        raise BadTrainingData(
            f"{patients.name}: no patient_id for {missing[0]} and {len(missing) - 1} others"
        )
    return [Recording(record, patient_of[record], tuple(files)) for record, files in groups.items()]


def recordings_of_ptbxl(
    folder: Path, rate_hz: int, folds: Sequence[int] = ()
) -> Iterator[Recording]:
    """Yield PTB-XL's recordings in the order of its table.

    They are the files of one rate as downloaded, or the samples of a packed copy.

    folds  the folds to yield; all if empty
    Raises BadTrainingData for a rate that a packed copy does not have.
    """
    table = read_table(folder)
    records = table.ecg_id.astype(str).tolist()
    patients = table.patient_id.astype(str).tolist()
    wanted = np.isin(table.fold, folds) if folds else np.ones(len(table), np.bool_)
    if table.packed:
        if rate_hz != PACKED_RATE_HZ:
            raise BadTrainingData(f"{folder}: the packed copy holds 100 Hz, not {rate_hz}")
        packed = zip(wanted, records, patients, _packed_signals(folder), strict=True)
        for is_wanted, record, patient, signal in packed:
            if is_wanted:
                yield Recording(record, patient, signal=signal, fs=PACKED_RATE_HZ)
        return
    downloaded = zip(wanted, records, patients, table.files[rate_hz], strict=True)
    for is_wanted, record, patient, path in downloaded:
        if not is_wanted:
            continue
        assert path is not None, "the table names a file for each recording. This is a bug."
        files = (path.with_name(f"{path.name}.hea"), path.with_name(f"{path.name}.dat"))
        yield Recording(record, patient, files=files)


def embed(
    url: str, recordings: Iterator[Recording], count: int | None
) -> tuple[Embeddings, Refusals]:
    """Return the embeddings of all recordings that the server accepts, and its refusals.

    count  number of recordings, for the progress bar; None if unknown
    Raises BadTrainingData if the server cannot be reached, changes its encoder, or embeds nothing.
    """
    embedded: list[Recording] = []
    values: list[Signal] = []
    encoders: set[EncoderReference] = set()
    refused = Refusals()
    with (
        httpx.Client(base_url=url, timeout=TIMEOUT_S) as client,
        tqdm(total=count, unit="recording") as bar,
    ):
        for batch in _batches(recordings):
            for recording, answer in zip(batch, _answers(client, batch), strict=True):
                bar.update()
                if "error" in answer:
                    refused.reasons[recording.record_id] = _reason(answer)
                    continue
                encoders.add(_encoder(answer))
                embedded.append(recording)
                values.append(answer["features"])
            if len(encoders) > 1:
                names = " and ".join(map(str, encoders))
                raise BadTrainingData(f"the server changed its encoder in between: {names}")
    if not embedded:
        if refused.reasons:
            raise BadTrainingData(f"nothing was embedded; {refused.summary()}")
        raise BadTrainingData("there is no recording to embed")
    embeddings = Embeddings(
        records=np.array([recording.record_id for recording in embedded], np.str_),
        patients=np.array([recording.patient_id for recording in embedded], np.str_),
        values=np.stack(values),
        encoder=encoders.pop(),
    )
    return embeddings, refused


def _batches(recordings: Iterator[Recording]) -> Iterator[list[Recording]]:
    """Yield recordings given as arrays in batches, those given as files one by one."""
    batch: list[Recording] = []
    for recording in recordings:
        if recording.signal is None:
            yield [recording]
            continue
        batch.append(recording)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _answers(client: httpx.Client, batch: list[Recording]) -> list[dict[str, Any]]:
    """Return one answer for each recording, in order; transient errors are tried again."""
    answers = _request(client, batch)
    for attempt in range(TRIES + 1):
        transient = [k for k, answer in enumerate(answers) if _is_transient(answer)]
        if not transient:
            return answers
        if attempt == TRIES:
            break
        again = _request(client, [batch[k] for k in transient])
        for k, answer in zip(transient, again, strict=True):
            answers[k] = answer
    reason = _reason(answers[transient[0]])
    raise BadTrainingData(f"{client.base_url}: {reason}, {TRIES} times")


def _request(client: httpx.Client, batch: list[Recording]) -> list[dict[str, Any]]:
    """Return one answer for each recording, in order: {features, model, ...} or {error}."""
    if batch[0].signal is None:
        files = [("file", (path.name, path.read_bytes())) for path in batch[0].files]
        return [_with_array(_post(client, files=files))]
    body = msgpack.packb({"records": [_packed_record(recording) for recording in batch]})
    answer = _post(client, content=body, headers={"Content-Type": MSGPACK})
    # The deadline passed before any recording was done.
    if _is_transient(answer):
        return [answer for _ in batch]
    if "error" in answer:
        raise BadTrainingData(f"{client.base_url}: {_reason(answer)}")
    return [_with_array(result) for result in answer["results"]]


def _is_transient(answer: Mapping[str, Any]) -> bool:
    return "error" in answer and answer["error"]["code"] in TRANSIENT


def _post(
    client: httpx.Client, headers: Mapping[str, str] | None = None, **body: Any
) -> dict[str, Any]:
    """Return a result, or {error: problem}.

    Waits and tries again while the server asks for it, because it is starting, full or restarting.
    Raises BadTrainingData if it cannot be reached, or still asks after TRIES tries.
    """
    accepting = {"Accept": MSGPACK, **(headers or {})}
    for _ in range(TRIES):
        try:
            response = client.post("/extract_features", headers=accepting, **body)
        except httpx.TransportError as error:
            raise BadTrainingData(
                f"{client.base_url}: no answer ({type(error).__name__}: {error})"
            ) from None
        if "retry-after" not in response.headers:
            return _unpack(response)
        time.sleep(min(float(response.headers["retry-after"]), MAX_WAIT_S))
    raise BadTrainingData(f"{client.base_url}: {_reason(_unpack(response))}, {TRIES} times")


def _reason(answer: Mapping[str, Any]) -> str:
    return f"{answer['error']['code']} ({answer['error']['detail']})"


def _unpack(response: httpx.Response) -> dict[str, Any]:
    """Return a result, or {error: problem}. Raises BadTrainingData for any other content."""
    media_type = response.headers.get("content-type", "")
    if media_type.startswith("application/problem+json"):
        return {"error": response.json()}
    if not media_type.startswith(MSGPACK):
        shown = media_type or "without a content type"
        raise BadTrainingData(
            f"{response.url}: answers {response.status_code} {shown}; is it the ECG server?"
        )
    answer = msgpack.unpackb(response.content)
    assert isinstance(answer, dict), "an answer is an object. This is a bug."
    return answer


def _packed_record(recording: Recording) -> dict[str, Any]:
    assert recording.signal is not None, "a batch holds arrays. This is a bug."
    samples = np.ascontiguousarray(recording.signal, "<f4")
    signal = {"dtype": "<f4", "shape": list(samples.shape), "data": samples.tobytes()}
    return {"signal": signal, "fs": recording.fs, "lead_names": list(LEADS), "units": "mV"}


def _with_array(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer with its features, if it has any, as a float32 array."""
    if "features" not in answer:
        return answer
    packed = answer["features"]
    values = np.frombuffer(packed["data"], np.dtype(packed["dtype"]))
    features = values.astype(np.float32).reshape(packed["shape"])
    return {**answer, "features": features}


def _encoder(answer: Mapping[str, Any]) -> EncoderReference:
    stated = answer["model"]["encoder"]
    return EncoderReference(stated["name"], stated["revision"], stated["sha256"])


def _packed_signals(folder: Path) -> Iterator[Signal]:
    """Yield the signals (12, samples) of a packed PTB-XL in the order of its table."""
    loader = loader_of(folder)
    for number in range(len(list(folder.glob("chunk_*.bin")))):
        yield from loader.load_signals(folder, [number])


def _read_patients(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"record_id", "patient_id"} <= set(rows[0]):
        raise BadTrainingData(
            f"{path.name}: a CSV with the columns record_id and patient_id is needed"
        )
    return {row["record_id"]: row["patient_id"] for row in rows}
