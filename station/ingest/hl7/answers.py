"""The answer to one HL7 message: its waveforms are stored, and the ACK says whether they are."""

from __future__ import annotations

import asyncio
from typing import Final

from errors import EcgError, Forbidden, MalformedBody, NoDatabase, Unauthorized
from station.ingest.commit import Post, PostResult
from station.ingest.hl7.acknowledgement import CODES, Answer, ErrorCode, acknowledgement
from station.ingest.hl7.message import Message, Segment, parse_message
from station.ingest.hl7.waveforms import add_waveforms
from station.ingest.intake import Intake
from station.ingest.observed import ObservationPost
from station.ingest.outcomes import KEPT
from station.store.engine import FAILURES
from station.times import RETRY_AFTER_S, now_ms
from station.web.access import Keys, Sender

# Unsolicited observations and waveforms, of patients: neither training nor debugging.
_TYPES: Final = (("ORU", "R01"), ("ORU", "W01"))
_PRODUCTION: Final = ("", "P")
_SCOPE: Final = "ingest"
# Of answers to what has no header that could be read.
_NO_HEADER: Final = Segment(["MSH", "|", "^~\\&"], "", "|^~\\&")


class Answers:
    """Messages in, acknowledgements out.

    default_key  of messages without a key in MSH-8; None: these are refused
    """

    def __init__(
        self, writer: Intake, keys: Keys, *, default_key: str | None, max_records: int
    ) -> None:
        self._writer, self._keys = writer, keys
        self._default_key, self._max_records = default_key, max_records

    async def answer(self, content: bytes) -> bytes:
        """Return the acknowledgement of a message, after its commit."""
        received_ms = now_ms()
        header = _NO_HEADER
        try:
            message = await asyncio.to_thread(parse_message, content)
            header = message.header
            refusal = _refusal(header)
            if refusal is not None:
                code, text = refusal
                return acknowledgement(header, Answer.REJECTED, received_ms, code=code, text=text)
            result = await self._stored(message, received_ms)
        except EcgError as error:
            text = f"{error.code}: {error.detail}"
            answer, code = _of_error(error)
            return acknowledgement(header, answer, received_ms, code=code, text=text)
        return _of_result(header, result, received_ms)

    async def _stored(self, message: Message, received_ms: int) -> PostResult:
        """Raises EcgError."""
        sender = await self._sender(message.header)
        post = ObservationPost(self._max_records)
        await asyncio.to_thread(add_waveforms, message, sender.source, post)
        if not post.count:
            return PostResult()
        return await self._writer.store(
            Post(post.parsed(), sender.identity.name, sender.source, received_ms, is_numbered=False)
        )

    async def _sender(self, header: Segment) -> Sender:
        """Return who holds the key of a message. Raises Unauthorized, Forbidden, NoDatabase."""
        try:
            sender = await self._keys.sender(header.component(8) or self._default_key)
        except FAILURES:
            raise NoDatabase("the database does not answer", retry_after_s=RETRY_AFTER_S) from None
        if _SCOPE not in sender.identity.scopes:
            raise Forbidden(f"the key needs the scope {_SCOPE}")
        return sender


def _refusal(header: Segment) -> tuple[ErrorCode, str] | None:
    """Return why a message is not for this station, by its header; None where it is."""
    kind = (header.component(9, 1), header.component(9, 2))
    if kind not in _TYPES:
        allowed = ", ".join("^".join(each) for each in _TYPES)
        return ErrorCode.MESSAGE_TYPE, f"MSH-9: allowed are {allowed}"
    if header.component(11) not in _PRODUCTION:
        return ErrorCode.PROCESSING_ID, "MSH-11: only P is stored"
    return None


def _of_error(error: EcgError) -> tuple[Answer, ErrorCode]:
    """Return AE for what can never be stored, AR for what can be, later or with another key."""
    if isinstance(error, Unauthorized | Forbidden):
        return Answer.REJECTED, ErrorCode.UNKNOWN_KEY
    if isinstance(error, MalformedBody):
        return Answer.REJECTED, ErrorCode.DATA_TYPE
    is_for_now = error.retry_after_s is not None or error.status >= 500
    return Answer.REJECTED if is_for_now else Answer.ERROR, ErrorCode.INTERNAL


def _of_result(header: Segment, result: PostResult, received_ms: int) -> bytes:
    lost = next((each for each in result.rejections if each.outcome not in KEPT), None)
    if lost is None:
        return acknowledgement(header, Answer.ACCEPTED, received_ms)
    return acknowledgement(
        header,
        Answer.ERROR,
        received_ms,
        code=CODES.get(lost.outcome, ErrorCode.DATA_TYPE),
        text=f"{lost.outcome}: {lost.detail}",
    )
