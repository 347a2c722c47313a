"""Small valid files of every format, written by the tests' own encoders: what fuzzing damages."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.io
import soundfile

from formats.hints import Hints
from formats.lead_names import LeadNames
from formats.parts import Part
from signals.leads import LEADS
from tests.attacks.attack import zipped
from tests.formats import binary_files as binary
from tests.formats import test_edf, test_fhir, test_ishne
from tests.formats.arrays.matlab.writer import Writer
from tests.formats.csv import test_csv
from tests.formats.dicom import test_dicom
from tests.formats.json import test_health_export
from tests.formats.mfer import test_mfer
from tests.formats.scp import test_scp
from tests.formats.test_fuzz import ADC_CODES, RECORD, header_bytes, npy_bytes
from tests.formats.wfdb import test_segments
from tests.formats.wfdb.writer import encode
from tests.formats.xml import (
    test_aecg,
    test_cardiosoft,
    test_mortara,
    test_muse,
    test_sapphire,
    test_schiller,
    test_sierra,
)

RAMP = np.arange(-50, 50)
RATE = Hints(fs=500.0)
STORAGES = (16, 24, 32, 61, 80, 160, 212, 310, 311)
NO_HINTS = Hints()


def as_sent(parts: list[Part]) -> list[Part]:
    return parts


def in_one_zip(parts: list[Part]) -> list[Part]:
    return [Part("upload", zipped((part.name, part.data) for part in parts).body)]


@dataclass(frozen=True)
class Seed:
    """An upload. `pack` makes the files that are sent of those that are damaged."""

    parts: tuple[Part, ...]
    hints: Hints = NO_HINTS
    pack: Callable[[list[Part]], list[Part]] = as_sent


def one(data: bytes | str, hints: Hints = NO_HINTS) -> Seed:
    return Seed((Part("upload", data if isinstance(data, bytes) else data.encode()),), hints)


def seeds() -> dict[str, list[Seed]]:
    """Return uploads by the name of their format."""
    return {name: list(make()) for name, make in _MAKERS.items()}


def _apple() -> Iterator[Seed]:
    voltages = test_health_export.measurements(np.arange(60))
    fields = {"voltageMeasurements": voltages, "numberOfVoltageMeasurements": len(voltages)}
    reading = test_health_export.reading(**fields)
    yield one(json.dumps({"data": {"ecg": [reading], "metrics": []}}))
    rate = {"qty": 512, "units": "Hz"}
    yield one(json.dumps([test_health_export.reading(**fields, samplingFrequency=rate)]))


def _atc() -> Iterator[Seed]:
    notes = binary.atc_block(b"ann ", bytes(22))
    yield one(binary.atc({"I": RAMP}, notes))
    yield one(binary.atc({lead: RAMP + row for row, lead in enumerate(LEADS[:6])}, version=3))
    yield one(binary.atc({"II": RAMP}, form=binary.atc_format(250, 1000), version=5))


def _contec() -> Iterator[Seed]:
    rows = np.tile(RAMP + 2048, (8, 1))
    yield one(binary.contec(rows))
    empty = rows.copy()
    empty[2:] = 0x6800
    yield one(binary.contec(empty, sex=255, age=0))


def _csv() -> Iterator[Seed]:
    times = [f"{row / 500:.3f}" for row in range(len(test_csv.ROWS))]
    yield one(test_csv.table(), RATE)
    yield one(test_csv.table("time,I,II\n", times=times))
    yield one(test_csv.table("Zeit;I (uV);V6 (uV)\n", ";", decimal_comma=True, times=times))
    yield one("# fs: 500\n# units: uV\n" + test_csv.table("I\tII\n", "\t", end="\r\n"))
    yield one(test_csv.table().encode("utf-16"), RATE)
    clock = [f"2024-05-01 08:27:{row / 500:06.3f}" for row in range(len(test_csv.ROWS))]
    gaps = test_csv.table("time,I,II\n", times=clock).replace("0.990", "").replace("-", "\u2212")
    yield one(gaps, RATE)
    watch = "Name,Erika\nSample Rate,512 hertz\n\nLead,Lead I\nUnit,µV\n\n"
    yield one(watch + "".join(f"{value}\n" for value in RAMP))


def _dicom() -> Iterator[Seed]:
    yield one(test_dicom.file(test_dicom.one_lead(), PatientSex="F", StudyDate="20240501"))
    leads = [test_dicom.channel("", number) for number in (1, 2, 3)]
    rows = [RAMP.astype(np.int32)] * 3
    group = test_dicom.group(leads, rows)
    yield one(test_dicom.file(group, test_dicom.one_lead(), syntax="1.2.840.10008.1.2"))


def _edf() -> Iterator[Seed]:
    ramp = RAMP.reshape(2, 50)
    lines = [test_edf.Line("ECG I", ramp), test_edf.Line("EKG AVR", ramp, "mV")]
    yield one(test_edf.edf(lines))
    yield one(test_edf.edf(lines, bdf=True, person="4711 F 02-MAY-1960 X"))
    notes = [b"+0\x14\x14\0", b"+2\x14\x14\0"]
    yield one(test_edf.edf(lines, reserved="EDF+D", notes=notes))


def _fhir() -> Iterator[Seed]:
    components = [test_fhir.component(code) for code in ("131329", "131330", "MDC_ECG_LEAD_V1")]
    observation = test_fhir.observation(*components)
    yield one(json.dumps(observation))
    person = {"resourceType": "Patient", "gender": "female", "birthDate": "1960-05-02"}
    qrs = test_fhir.measurement("8633-0", 98)
    yield one(json.dumps(test_fhir.bundle(person, observation, qrs)))
    yield one(
        "<Observation xmlns='http://hl7.org/fhir'><effectiveDateTime value='2024-05-01'/>"
        "<code><coding><code value='131329'/></coding></code><valueSampledData><origin>"
        "<value value='0'/><unit value='uV'/></origin><period value='2'/><factor value='5'/>"
        f"<dimensions value='1'/><data value='{' '.join(map(str, RAMP))}'/></valueSampledData>"
        "</Observation>"
    )


def _cardiosoft() -> Iterator[Seed]:
    strip = test_cardiosoft.strip()
    yield one(test_cardiosoft.cardiosoft(strip))
    patient = "<PatientInfo><Age units='Years'>63</Age><Gender>FEMALE</Gender></PatientInfo>"
    medians = test_cardiosoft.strip(3, "9,9,9", tag="MedianSamples")
    yield one(test_cardiosoft.cardiosoft(patient, medians, strip).encode("utf-16"))


def _sapphire() -> Iterator[Seed]:
    scale = {"S": "4.88", "U": "uV"}
    leads = [test_sapphire.lead(lead) for lead in ("I", "II", "V1")]
    global_ = "<measurements><global><QT_Interval V='380'/></global></measurements>"
    yield one(test_sapphire.sapphire(test_sapphire.group(*leads, **scale), more=global_))
    alone = test_sapphire.group(test_sapphire.lead("I", **scale), fs=1, unit="kHz")
    yield one(test_sapphire.sapphire(alone, alone, namespace=test_sapphire.SAPPHIRE_3))


def _muse() -> Iterator[Seed]:
    leads = [test_muse.lead(lead) for lead in ("I", "II", "V1")]
    person = "<PatientDemographics><Gender>MALE</Gender></PatientDemographics>"
    measured = "<RestingECGMeasurements><QTInterval>380</QTInterval></RestingECGMeasurements>"
    median = test_muse.waveform(leads[0], kind="Median")
    yield one(test_muse.muse(person, measured, median, test_muse.waveform(*leads)))
    yield one(test_muse.muse(test_muse.waveform(*leads), test_muse.waveform(leads[2])))


def _aecg() -> Iterator[Seed]:
    leads = "".join(test_aecg.lead(f"MDC_ECG_LEAD_{lead}") for lead in ("I", "II", "AVR"))
    rhythm = test_aecg.series(test_aecg.time_axis() + leads)
    yield one(test_aecg.aecg(rhythm))
    relative = test_aecg.time_axis("0.002", "s", "0", "TIME_RELATIVE")
    yield one(test_aecg.aecg(test_aecg.series(relative + leads), rhythm))


def _ishne() -> Iterator[Seed]:
    yield one(test_ishne.ishne([RAMP, 2 * RAMP], [5, 6]))
    yield one(test_ishne.ishne([RAMP] * 3, [11, 8, 2], block=b"anything"))


def _json() -> Iterator[Seed]:
    yield one(json.dumps(RECORD))
    leads = {"I": RAMP.tolist(), "V1": [None, *RAMP.tolist()[1:]]}
    yield one(json.dumps({"signal": leads, "fs": 500, "gain": 200, "units": "mV"}))


def _matlab() -> Iterator[Seed]:
    signal = np.tile(RAMP, (12, 1))
    for order in "<>":
        write = Writer(order)
        arrays = [write.numbers(signal, "i2", b"signal"), write.numbers(500, "f8", b"fs")]
        fields = {b"data": write.numbers(signal, "f4"), b"fs": write.numbers(250)}
        yield one(write.file(*arrays, write.text("mV", name=b"units")))
        yield one(write.file(write.structure(fields, b"ecg"), write.compressed(arrays[1])))
    old = io.BytesIO()
    scipy.io.savemat(old, {"signal": signal, "fs": 500.0}, format="4")
    yield one(old.getvalue())


def _mfer() -> Iterator[Seed]:
    yield one(test_mfer.HEAD + test_mfer.data_of(RAMP) + test_mfer.END)
    tag, lead, attribute = test_mfer.tag, test_mfer.lead, test_mfer.attribute
    head = test_mfer.HEAD + tag(0x05, b"\x02") + tag(0x04, b"\0\x32") + tag(0x06, b"\x02")
    head += attribute(0, lead(1)) + attribute(1, lead(62), indefinite=True)
    frame = test_mfer.data_of(RAMP, RAMP)
    yield one(head + tag(0x84, b"\x02") + frame + frame + test_mfer.END)


def _mortara() -> Iterator[Seed]:
    channels = [test_mortara.channel(NAME=lead) for lead in ("I", "II", "V1")]
    yield one(test_mortara.mortara(*channels, ACQUISITION_TIME="20240501082732"))
    yield one(test_mortara.mortara(test_mortara.channel(OFFSET="", UNITS_PER_MV="100")))


def _npy() -> Iterator[Seed]:
    signal = np.tile(RAMP, (12, 1))
    hints = Hints(fs=500.0, units="uV")
    for dtype in ("<f2", ">f4", "<f8", "<i2"):
        yield one(npy_bytes(signal.astype(dtype)), hints)
    yield one(npy_bytes(np.asfortranarray(signal.T, "f4")), hints)


def _npz() -> Iterator[Seed]:
    signal = npy_bytes(np.tile(RAMP, (12, 1)).astype("f4"))
    rate = npy_bytes(np.array(500.0))
    names = npy_bytes(np.array(LEADS))
    members = (Part("signal.npy", signal), Part("fs.npy", rate), Part("leads.npy", names))
    yield Seed(members, pack=in_one_zip)
    yield Seed(tuple(in_one_zip(list(members))))


def _sierra() -> Iterator[Seed]:
    packed = b"".join(test_sierra.xli_channel(test_sierra.SINE) for _ in range(4))
    yield one(test_sierra.sierra(packed))
    plain = {"compression": "", "dataencoding": "Base64"}
    yield one(test_sierra.sierra(RAMP.astype("<i2").tobytes() * 2, "I V1", 200, **plain))


def _schiller() -> Iterator[Seed]:
    channels = [test_schiller.channel(lead) for lead in ("I", "II", "V1")]
    averages = test_schiller.wave(channels[0], kind="ECG_AVERAGES")
    yield one(test_schiller.schiller(averages, test_schiller.wave(*channels)))
    yield one(test_schiller.schiller(test_schiller.wave(test_schiller.channel())))


def _scp() -> Iterator[Seed]:
    values = RAMP.tolist()
    spans = test_scp.lead_section([(1, 100, 1), (1, 100, 2)])
    plain = test_scp.wave_section([test_scp.plain(values)] * 2)
    yield one(test_scp.record_of({3: spans, 6: plain}))
    for differences in (0, 1, 2):
        coded = np.diff(RAMP, differences).tolist()
        kept = values[:differences]
        data = test_scp.huffman([*kept, *coded])
        section = test_scp.wave_section([data] * 2, differences)
        yield one(test_scp.record_of({2: test_scp.DEFAULT, 3: spans, 6: section}))


def _wav() -> Iterator[Seed]:
    hints = Hints(lead_names=LeadNames(("I", "II")), gain=200.0)
    note = binary.chunk(b"LIST", b"INFO")
    yield one(binary.wav(RAMP.astype("<i2").tobytes() * 2, 2, 2, note), hints)
    yield one(binary.wav(bytes(range(240)), 2, 3, fs=500), hints)
    yield one(binary.wav(RAMP.astype("<f4").tobytes(), 2, 4, subformat=3), hints)
    yield one(binary.wav(bytes(range(240)), 12, 1), Hints(units="uV"))


def _wfdb() -> Iterator[Seed]:
    codes = [value for value in ADC_CODES for _ in range(2)]
    for storage in STORAGES:
        head = Part("rec.hea", header_bytes(str(storage)))
        yield Seed((head, Part("rec.dat", encode(codes, storage))))
    master = b"rec/4 3 500 38\nlayout 0\na 11\n~ 16\nb 11\n"
    yield Seed(tuple(test_segments.segments(master, a=["I", "II"], b=["II", "V1"])))
    packed = io.BytesIO()
    soundfile.write(packed, RAMP[:, None].astype(np.int16), 500, "PCM_16", format="FLAC")
    head = b"r 1 500 100\nr.dat 516 200 16 0 0 0 0 I\n"
    flac = (Part("r.hea", head), Part("r.dat", packed.getvalue()))
    yield Seed(flac)
    yield Seed(flac, pack=in_one_zip)


_MAKERS: dict[str, Callable[[], Iterator[Seed]]] = {
    "AliveCor ATC": _atc,
    "Apple Health JSON": _apple,
    "Contec ECG90A": _contec,
    "CSV, TSV": _csv,
    "DICOM waveform": _dicom,
    "EDF, EDF+, BDF": _edf,
    "FHIR Observation": _fhir,
    "GE CardioSoft (XML)": _cardiosoft,
    "GE MUSE (XML)": _muse,
    "GE Sapphire (XML)": _sapphire,
    "HL7 aECG (XML)": _aecg,
    "ISHNE Holter": _ishne,
    "JSON": _json,
    "MATLAB .mat": _matlab,
    "MFER": _mfer,
    "Mortara ELI Link (XML)": _mortara,
    "npy": _npy,
    "npz": _npz,
    "Philips Sierra (XML)": _sierra,
    "Schiller SEMA (XML)": _schiller,
    "SCP-ECG": _scp,
    "WAV": _wav,
    "WFDB (.hea with .dat or .mat)": _wfdb,
}
