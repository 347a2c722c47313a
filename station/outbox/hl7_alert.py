"""Steps of alarms as HL7 v2 messages ORU^R40, which IHE's alert managers take.

IHE PCD Technical Framework, volume 2, transaction PCD-04 of Alert Communication Management (ACM).
One message is one step; its OBX segments are the facets of the alert, numbered by OBX-4.
"""

from __future__ import annotations

from typing import Final

from station.alarms.machine import State, Step
from station.alarms.policies import Priority
from station.ingest.hl7.acknowledgement import APPLICATION, VERSION
from station.ingest.hl7.message import SEGMENT_END
from station.ingest.hl7.times import time_text
from station.outbox.outlet import Notice
from station.watch.outputs import Rule

SEPARATORS: Final = "|^~\\&"
_PROFILE: Final = "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4^ISO"
_ALARM: Final = "196616^MDC_EVT_ALARM^MDC"
# Events with a code of ISO/IEEE 11073-10101 of their own, as DICOM PS3.16, CID 3038, lists them:
# 65,536 times the partition (3) and the number in it. Others are an alarm with its text.
_EVENTS: Final = {
    Rule.ASYSTOLE: f"{3 * 65_536 + 3076}^MDC_EVT_ECG_ASYSTOLE^MDC",
    Rule.ATRIAL_FIBRILLATION: f"{3 * 65_536 + 3128}^MDC_EVT_ECG_ATR_FIB^MDC",
}
# Of OBX-8: priority, then whether the source is physiological or technical.
_PRIORITIES: Final = {
    Priority.HIGH: "PH~SP",
    Priority.MEDIUM: "PM~SP",
    Priority.LOW: "PL~SP",
    Priority.TECHNICAL: "PN~ST",
}
_PHASES: Final = {Step.FIRED: "start", Step.RESOLVED: "end"}
_OTHER_PHASE: Final = "update"


def alert_message(notice: Notice, now_ms: int) -> bytes:
    """Return the message of a step."""
    data = notice.data
    since, at = time_text(data["since_ms"]), time_text(data["at_ms"])
    is_first = data["step"] == Step.FIRED
    # The first message names the alert; those that follow refer to it.
    number = notice.alarm_id if is_first else notice.id
    parent = "" if is_first else f"^{notice.alarm_id}&{APPLICATION}"
    lines = [
        _segment(
            *("MSH", SEPARATORS[1:], APPLICATION, "", "", "", time_text(now_ms), ""),
            *("ORU^R40^ORU_R40", notice.id, "P", VERSION, "", "", "AL", "NE", "", "UNICODE UTF-8"),
            *("", "", _PROFILE),
        ),
        # The station knows no name: U is a person whose name is not given.
        _segment("PID", "", "", f"{data['patient']}^^^^PI", "", "^^^^^^U"),
        _segment(
            *("OBR", "1", "", f"{number}^{APPLICATION}", _ALARM, "", "", since),
            *([""] * 21 + [parent] if parent else []),
        ),
        *_facets(notice, at),
    ]
    return "".join(line + SEGMENT_END for line in lines).encode()


def _facets(notice: Notice, at: str) -> list[str]:
    data = notice.data
    state, is_over = data["state"], data["ended_ms"] is not None
    open_condition = "latched" if is_over else "active"
    condition = "inactive" if state == State.RESOLVED else open_condition
    seen = "alert-acknowledged" if state == State.ACKNOWLEDGED else "enabled"
    facets = (
        (_EVENTS.get(data["rule"], _ALARM), str(data["rule"]).replace("_", " ")),
        ("68480^MDC_ATTR_ALERT_SOURCE^MDC", data["source"]),
        ("68481^MDC_ATTR_EVENT_PHASE^MDC", _PHASES.get(data["step"], _OTHER_PHASE)),
        ("68482^MDC_ATTR_ALARM_STATE^MDC", condition),
        ("68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC", seen),
    )
    return [
        _segment(
            *("OBX", str(facet), "ST", code, f"1.0.0.0.{facet}", value, "", ""),
            *(_PRIORITIES[data["priority"]] if facet == 1 else "", "", "", "F", "", "", at),
        )
        for facet, (code, value) in enumerate(facets, 1)
    ]


def _segment(*fields: str) -> str:
    return SEPARATORS[0].join(fields)
