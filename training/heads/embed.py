"""Embeddings from a running server, for training: a plain loop over recordings that posts them to /extract_features.

A folder of recordings in any format that the server reads, files of one name belonging together, or
PTB-XL. What the server refuses is named and left out; that it is always the same encoder is checked
with every answer.
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

BATCH: Final = (
    32  # arrays in one request: well under ECG_MAX_RECORDS, a second or so of work on a CPU
)
TIMEOUT_S: Final = 300.0  # beyond any deadline of the server's own
TRIES: Final = 10
LONGEST_WAIT_S: Final = 30.0
MSGPACK: Final = "application/msgpack"
PACKED_RATE_HZ: Final = 100.0
PASSING: Final = frozenset(
    {"overloaded", "worker_restarting", "deadline_exceeded", "starting"}
)  # a busy or restarting server's
NAMED: Final = 5  # refused recordings that the summary names


@dataclass(frozen=True, eq=False)
class Sent:
    """One recording: its files, or its samples (12, samples) in mV."""

    record_id: str
    patient_id: str
    files: tuple[Path, ...] = ()
    signal: NDArray[np.float32] | None = None
    fs: float = 0.0


@dataclass
class Refused:
    """What the server would not embed, and why."""

    reasons: dict[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        some = "; ".join(
            f"{record}: {reason}" for record, reason in islice(self.reasons.items(), NAMED)
        )
        return f"{len(self.reasons)} recordings left out: {some}{'; ...' if len(self.reasons) > NAMED else ''}"


def recordings_of_folder(folder: Path, patients: Path | None) -> list[Sent]:
    """Every recording under the folder; its id is its path there without the ending. patients: a CSV with record_id, patient_id."""
    groups: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(
            part.startswith(".") for part in path.relative_to(folder).parts
        ):
            groups.setdefault(path.relative_to(folder).with_suffix("").as_posix(), []).append(path)
    if not groups:
        raise BadTrainingData(f"{folder}: no file in it")
    of = _patients(patients) if patients else {}
    missing = [record for record in groups if patients and record not in of]
    if missing:
        raise BadTrainingData(
            f"{patients.name if patients else ''}: no patient_id for {missing[0]} and {len(missing) - 1} others"
        )
    return [Sent(record, of.get(record, record), tuple(files)) for record, files in groups.items()]


def recordings_of_ptbxl(folder: Path, rate_hz: int, folds: Sequence[int] = ()) -> Iterator[Sent]:
    """PTB-XL in the order of its table: the files of one rate as downloaded, or the samples of a packed copy.

    folds  only these; all where empty
    """
    table = read_table(folder)
    names = list(
        zip(table.ecg_id.astype(str).tolist(), table.patient_id.astype(str).tolist(), strict=True)
    )
    wanted = np.isin(table.fold, folds) if folds else np.ones(len(table), np.bool_)
    if table.packed:
        if rate_hz != PACKED_RATE_HZ:
            raise BadTrainingData(f"{folder}: the packed copy holds 100 Hz, not {rate_hz}")
        rows = zip(wanted, names, _packed(folder), strict=True)
        yield from (
            Sent(*name, signal=signal, fs=PACKED_RATE_HZ) for there, name, signal in rows if there
        )
        return
    for name, path in (
        row[1:] for row in zip(wanted, names, table.files[rate_hz], strict=True) if row[0]
    ):
        assert path is not None, (
            "the download's table names a file for each recording. This is a bug."
        )
        yield Sent(
            *name, files=(path.with_name(f"{path.name}.hea"), path.with_name(f"{path.name}.dat"))
        )


def embed(url: str, recordings: Iterator[Sent], count: int | None) -> tuple[Embeddings, Refused]:
    """The embeddings of all that the server accepts. Raises BadTrainingData where it cannot be reached, or changes its encoder."""
    found: list[tuple[Sent, NDArray[np.float32]]] = []
    encoders: set[EncoderReference] = set()
    refused = Refused()
    with (
        httpx.Client(base_url=url, timeout=TIMEOUT_S) as client,
        tqdm(total=count, unit="recording") as bar,
    ):
        for batch in _batches(recordings):
            for sent, answer in zip(batch, _answers(client, batch), strict=True):
                bar.update()
                if "error" in answer:
                    refused.reasons[sent.record_id] = _told(answer)
                    continue
                encoders.add(_encoder(answer))
                found.append((sent, answer["features"]))
            if len(encoders) > 1:
                raise BadTrainingData(
                    f"the server changed its encoder on the way: {' and '.join(map(str, encoders))}"
                )
    if not found:
        raise BadTrainingData(
            f"nothing was embedded; {refused.summary()}"
            if refused.reasons
            else "there is no recording to embed"
        )
    values = np.stack([value for _, value in found])
    records, patients = (
        np.array([getattr(sent, name) for sent, _ in found], np.str_)
        for name in ("record_id", "patient_id")
    )
    return Embeddings(records, patients, values, encoders.pop()), refused


def _batches(recordings: Iterator[Sent]) -> Iterator[list[Sent]]:
    """Recordings given as arrays go together, those given as files one by one."""
    batch: list[Sent] = []
    for sent in recordings:
        if sent.signal is None:
            yield [sent]
            continue
        batch.append(sent)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _answers(client: httpx.Client, batch: list[Sent]) -> list[dict[str, Any]]:
    """One answer a recording, in order; what only the server's state was in the way of is asked for again."""
    answers = _ask(client, batch)
    for _ in range(TRIES):
        again = [
            k
            for k, answer in enumerate(answers)
            if "error" in answer and answer["error"]["code"] in PASSING
        ]
        if not again:
            return answers
        for k, answer in zip(again, _ask(client, [batch[k] for k in again]), strict=True):
            answers[k] = answer
    raise BadTrainingData(
        f"{client.base_url}: {next(_told(answers[k]) for k in again)}, {TRIES} times"
    )


def _ask(client: httpx.Client, batch: list[Sent]) -> list[dict[str, Any]]:
    """One answer a recording, in order: {features, model, ...} or {error}."""
    if batch[0].signal is None:
        files = [("file", (path.name, path.read_bytes())) for path in batch[0].files]
        return [_with_array(_post(client, files=files))]
    body = msgpack.packb({"records": [_packed_record(sent) for sent in batch]})
    whole = _post(client, content=body, headers={"Content-Type": MSGPACK})
    if (
        "error" in whole and whole["error"]["code"] in PASSING
    ):  # the deadline passed before any was done
        return [whole for _ in batch]
    if "error" in whole:
        raise BadTrainingData(f"{client.base_url}: {_told(whole)}")
    return [_with_array(result) for result in whole["results"]]


def _post(
    client: httpx.Client, headers: Mapping[str, str] | None = None, **body: Any
) -> dict[str, Any]:
    """A result, or {error: problem} that another try would meet again. Waits for a server that is starting, full or restarting."""
    for _ in range(TRIES):
        try:
            answer = client.post(
                "/extract_features", headers={"Accept": MSGPACK, **(headers or {})}, **body
            )
        except httpx.TransportError as error:
            raise BadTrainingData(
                f"{client.base_url}: no answer ({type(error).__name__}: {error})"
            ) from None
        if "retry-after" not in answer.headers:
            return _unpack(answer)
        time.sleep(min(float(answer.headers["retry-after"]), LONGEST_WAIT_S))
    raise BadTrainingData(f"{client.base_url}: {_told(_unpack(answer))}, {TRIES} times")


def _told(answer: Mapping[str, Any]) -> str:
    return f"{answer['error']['code']} ({answer['error']['detail']})"


def _unpack(answer: httpx.Response) -> dict[str, Any]:
    """A result, or {error: problem}. Raises BadTrainingData for what is neither."""
    kind = answer.headers.get("content-type", "")
    if kind.startswith("application/problem+json"):
        return {"error": answer.json()}
    if not kind.startswith(MSGPACK):
        raise BadTrainingData(
            f"{answer.url}: answers {answer.status_code} {kind or 'without a content type'}; is it the ECG server?"
        )
    found = msgpack.unpackb(answer.content)
    assert isinstance(found, dict), "an answer is an object. This is a bug."
    return found


def _packed_record(sent: Sent) -> dict[str, Any]:
    assert sent.signal is not None, "arrays go together, files alone. This is a bug."
    little = np.ascontiguousarray(sent.signal, "<f4")
    signal = {"dtype": "<f4", "shape": list(little.shape), "data": little.tobytes()}
    return {"signal": signal, "fs": sent.fs, "lead_names": list(LEADS), "units": "mV"}


def _with_array(answer: dict[str, Any]) -> dict[str, Any]:
    if "features" not in answer:
        return answer
    value = answer["features"]
    return {
        **answer,
        "features": np.frombuffer(value["data"], np.dtype(value["dtype"]))
        .astype(np.float32)
        .reshape(value["shape"]),
    }


def _encoder(answer: Mapping[str, Any]) -> EncoderReference:
    stated = answer["model"]["encoder"]
    return EncoderReference(stated["name"], stated["revision"], stated["sha256"])


def _packed(folder: Path) -> Iterator[NDArray[np.float32]]:
    loader = loader_of(folder)
    for number in range(len(list(folder.glob("chunk_*.bin")))):
        yield from loader.load_signals(folder, [number])


def _patients(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not {"record_id", "patient_id"} <= set(rows[0]):
        raise BadTrainingData(
            f"{path.name}: a CSV with the columns record_id and patient_id is needed"
        )
    return {row["record_id"]: row["patient_id"] for row in rows}
