"""Post a real 12-lead ECG, which pydicom includes, to a server; print a shortened answer."""

import json
import sys
import urllib.request
from typing import Any

import pydicom
from pydicom.data import get_testdata_file

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"

dataset = pydicom.dcmread(str(get_testdata_file("waveform_ecg.dcm", download=False)))
group = dataset.WaveformSequence[0]  # ten seconds of twelve leads, 1000 Hz
leads = [
    channel.ChannelSourceSequence[0].CodeMeaning for channel in group.ChannelDefinitionSequence
]
record = {
    "signal": dataset.waveform_array(0).T.tolist(),  # leads x samples
    "fs": float(group.SamplingFrequency),
    "lead_names": [name.split(" (")[0] for name in leads],  # "Lead I (Einthoven)" -> "Lead I"
    "units": "uV",
}


def is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def shorten(value: Any) -> Any:
    if isinstance(value, dict) and len(value) > 4 and all(map(is_dict, value.values())):
        # One entry per lead, or per measurement.
        first = next(iter(value))
        return {first: shorten(value[first]), "...": f"{len(value)} in all"}
    if isinstance(value, dict):
        return {key: shorten(item) for key, item in value.items()}
    if isinstance(value, list) and len(value) > 4:
        return [*map(shorten, value[:2]), f"... {len(value)} in all"]
    if isinstance(value, list):
        return [shorten(item) for item in value]
    return value


request = urllib.request.Request(
    url + "/analyze", json.dumps(record).encode(), {"Content-Type": "application/json"}
)
with urllib.request.urlopen(request) as response:
    print(json.dumps(shorten(json.load(response)), indent=2, ensure_ascii=False))
