"""Generate docs/formats.md from the registry of formats.

python -m tests.house.formats_table     writes the page
"""

from __future__ import annotations

from formats.parts import Format
from formats.registry import known_formats
from tests.formats.wfdb.public_samples import TABLE
from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "formats.md"

HEAD = """# File formats

An upload is one file, the files of one recording, or a zip of one recording. File names are free:
the server detects the format by the content. `python -m tests.house.formats_table` writes this
page.

For every format:

- Leads are recognised by name, in any usual spelling, and keep the file's order. Channels that are
  not one of the twelve standard leads are left out and named in `warnings`. `lead_names` names
  them: a lead for each channel in order, `-` for one to leave out (`II,-,V1`), or `NAME=LEAD` for
  single channels (`ECG1=II`).
- A lead that cannot be read (its gain is 0, it has no samples) is left out and named in `warnings`
  with the reason. The file is refused if no lead can be read, or if the samples of a lead are
  damaged (no numbers, no base64, more or fewer than stated).
- Groups of leads that were recorded at the same time are one recording. Groups that follow each
  other, like the columns of a printed ECG, are one recording with gaps (DICOM, aECG, SCP-ECG).
  Other groups are left out and named in `warnings`.
- Bytes, samples and channels beyond what the file states are left out and named in `warnings`. A
  file that may hold more interleaved signals than it states is refused.
- Samples are converted to mV with the file's gain, offset and unit. A stated unit that is no
  voltage (ADC, counts, mm) is named in an error or a warning, and never taken for mV.
- If a file has no sampling rate, units or lead names, the request must state them (`fs`, `units` or
  `gain`, `lead_names`). If the request contradicts the file, the request's value is used and a
  warning is added.
- Measurements that the recording device made are returned in `reported`. A value that is impossible
  for a human heart, or in a recording of this length, means "not measured" (0, 29999, 32767, 65535,
  -32768, -9999 and others) and is left out: a rate of 0, above 600 per minute or of fewer than two
  beats in the recording; an interval below 10 ms, above 3 s or longer than the recording; an axis
  beyond 360 degrees. Other axes are returned from -180 to 180 degrees.
- These are checked against the header, and a file that fails is refused: the number of samples and
  channels, checksums that the format requires, infinite values.
- Names, identifiers and addresses of persons are dropped. Statements of the device are returned in
  `reported.statements`, except lines that name a person: lines with a name or an identifier that
  the file states elsewhere, and lines that say who confirmed, signed, ordered or recorded the ECG.
- Single heartbeats that were cut out of recordings are not analysed: rows of 187 samples at 125 Hz
  and a class, as in Kaggle's heartbeat data and E-Monitor's messages, are refused, and the error
  says what they are. The [station](station.md#the-frame) takes them.
- Nothing is written to disk, and no path or address in an upload is opened. Entities in XML and
  pickles in arrays are refused. The size of archives is checked before and during unpacking.

Devices whose files have another name here: the XML of Mindray's BeneHeart R12 is HL7 aECG; the XML
of GE's MAC 800 and MAC 2000 is GE Sapphire; KardiaMobile writes AliveCor ATC. Not read: the
BeneHeart's own files (`12lead_data_v1`), of which no description is published.

"""


SAMPLES_HEAD = """
## wfdb-python's sample recordings

All 88 headers of the package's
[sample-data](https://github.com/MIT-LCP/wfdb-python/tree/6850ad1/sample-data), each sent with the
files that it names. Every channel, lead or not, has the values that wfdb 4.3.1 reads. Eleven files
of 4 MiB and more are not in the test's copy. The limits of length and sampling rate in
[api.md](api.md) are checked afterwards. `python -m tests.formats.wfdb.public_samples` writes
the table.

"""


def section(file_format: Format) -> str:
    """Return the section of one format in Markdown."""
    about = file_format.about
    lines = [
        f"## {file_format.name}\n",
        f"- Variants: {about.variants}.",
        f"- Parser: {about.parser}.",
        f"- Metadata: {about.metadata}.",
        f"- Ignored or refused: {about.ignored}.",
    ]
    if about.sample_files:
        names: list[str] = []
        for sample in about.sample_files:
            name, origin = sample.split(": ", 1)
            names.append(f"`{name}` ({origin})")
        lines.append(f"- Tested with: {'; '.join(names)}.")
    return "\n".join(lines) + "\n"


def sections() -> str:
    """Return the sections of all formats in alphabetical order."""
    formats = sorted(known_formats(), key=lambda file_format: file_format.name.lower())
    return "\n".join(map(section, formats))


def page() -> str:
    """Return the whole page."""
    return HEAD + sections() + SAMPLES_HEAD + TABLE.read_text(encoding="utf-8")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
