"""Compare our intervals with those that electrocardiographs wrote into their own files.

`-s` prints the table. Recordings whose difference exceeds the limits below were inspected on plots
of the median beat in all leads, unfiltered:

- muse7_250hz (QRS, a simulator), deepecg_dummy and guangxi (QRS): by eye, the device is right. Our
  onset is before the steep part, by some 20, 10 and 10 ms; our offset is a few ms after it.
- mortara_el250 (QRS, PR and QT): our QRS onset is at the foot of the first wave in V1 and V2, some
  10 ms before the device's. This explains PR and most of QT. Our QRS offset is 10 ms after the
  steep part.
- 15lead (PR, a simulator at 120 /min): the P wave lies on the preceding T wave. Our P onset is the
  valley between them; the device's is earlier, under the T wave. Our QRS onset is 20 ms before the
  steep part, which shortens PR further.
- 129DYPRG (QRS): ours is nearer to 95 ms, the value by eye. The device's QRS would contain small
  steps of the ST segment.

Our boundaries follow the cardiologists of LUDB, who mark the onset at the foot of the first wave
and the offset at the foot of the last. By their marks no complex of LUDB is shorter than 84 ms, so
we measure shorter ones too long. Devices mark the boundaries nearer to the steep part.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import pytest

from analysis.prepare import prepare
from formats.registry import read
from tests.analysis.deployments import NOTHING, asked
from tests.data import requires_shared
from tests.formats.samples import expected, hints_of, parts_of

pytestmark = requires_shared

LIMITS_MS: Final = {"pr_ms": 10.0, "qrs_ms": 15.0, "qt_ms": 15.0}  # of the median difference
# Copies of recordings that are listed in another format too.
COPIES: Final = {
    "hl7_aecg/ecgtoolkit_example.xml",
    "scp/ecgtoolkit_example.scp",
    "dicom/ge_macp_general_ecg_mdc.dcm",
}
# Its signal is artificial and has 12 beats a minute; the measurements in the file are not of it.
ARTIFICIAL: Final = "hl7_aecg/mindray_100hz.xml"
# Files that state at least one of these intervals.
WITH_INTERVALS: Final = [
    name
    for name, values in expected().items()
    if LIMITS_MS.keys() & (values.get("reported") or {}).keys()
]
COMPARED: Final = [name for name in WITH_INTERVALS if name not in {*COPIES, ARTIFICIAL}]


@cache
def measured(name: str) -> dict[str, float | None]:
    """Return the intervals that /analyze gives, by field name, in ms."""
    options = asked(NOTHING, include="measurements")
    ready = prepare(read(parts_of(name), hints_of(name)), options, NOTHING, max_seconds=600)
    assert ready.measured is not None
    return {field: ready.measured.number(field) for field in LIMITS_MS}


def differences(field: str) -> dict[str, float]:
    """Return our value minus the device's by recording, in ms, where both have one."""
    pairs = {
        name: (measured(name)[field], expected()[name]["reported"].get(field)) for name in COMPARED
    }
    return {
        name: ours - float(device)
        for name, (ours, device) in pairs.items()
        if ours is not None and device
    }


@pytest.mark.parametrize(("field", "limit_ms"), LIMITS_MS.items())
def test_the_median_difference_from_the_devices_is_within_the_limit(
    field: str, limit_ms: float
) -> None:
    by_recording = differences(field)
    sizes = np.abs(list(by_recording.values()))
    lines = [f"{field + ', ms':42}   ours  device diff"]
    lines += [
        f"{name:42} {measured(name)[field]:6.1f} {expected()[name]['reported'][field]:6.0f} "
        f"{difference:6.1f}"
        for name, difference in by_recording.items()
    ]
    lines += [f"{f'median of {sizes.size}':42} {np.median(sizes):20.1f}"]
    print("", *lines, sep="\n")  # noqa: T201 - the table that -s shows
    assert sizes.size >= len(COMPARED) - 1 >= 9
    assert np.median(sizes) <= limit_ms


def test_an_artificial_signal_is_not_measured() -> None:
    assert set(measured(ARTIFICIAL).values()) == {None}
