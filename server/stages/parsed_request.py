"""A request after its body was parsed: its recordings, which are not read yet, and its options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from analysis.options import Options
from errors import TooManyRecords
from formats.hints import Hints
from formats.parts import Part
from report.options import ReportOptions
from server.stages.legacy_forms import LegacyForm
from signals.record import EcgRecord


@dataclass(frozen=True)
class Limits:
    """The settings that bound what one request may contain."""

    max_body_bytes: int
    max_records: int
    max_seconds: float

    def check_record_count(self, count: int) -> None:
        """Raises TooManyRecords."""
        if count > self.max_records:
            raise TooManyRecords(
                f"{count} records; at most {self.max_records} are allowed in one request "
                "(ECG_MAX_RECORDS)",
                loc=("records",),
            )


@dataclass(frozen=True)
class PendingRecord:
    """A recording that is not read yet.

    read     reads it; raises RequestError where it is not valid
    seconds  the length that the body declares, 0 where it declares none
    loc      its location in the body, a prefix of the locations that its errors name
    """

    read: Callable[[], EcgRecord]
    seconds: float
    loc: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class UploadedFiles:
    """The files of one recording, which are not read yet.

    max_bytes  limit for all files together, before and after unpacking
    """

    parts: Sequence[Part]
    hints: Hints
    max_bytes: int


@dataclass(frozen=True)
class ParsedRequest:
    """The recordings and options of one request.

    many   the answer is a list of results, even where there is only one recording
    form   the form of an earlier service that the answer has, None for the route's own
    files  the upload that holds the recording; `records` is empty until it is read
    report  what a report looks like; None on a route without reports
    """

    records: list[PendingRecord]
    many: bool
    options: Options
    form: LegacyForm | None = None
    files: UploadedFiles | None = None
    report: ReportOptions | None = None

    def with_record(self, record: EcgRecord) -> ParsedRequest:
        """Return the request with the recording that its files hold."""
        return replace(self, records=[pending(record)], files=None)


def with_warnings(options: Options, warnings: tuple[str, ...]) -> Options:
    """Return the options with these warnings after their own."""
    return replace(options, warnings=options.warnings + warnings)


def pending(record: EcgRecord) -> PendingRecord:
    """Wrap a recording that its format's reader has read already."""
    return PendingRecord(lambda: record, record.duration_s)
