"""docs/formats.md, from the registry of formats itself.

python -m tests.house.formats_table     writes the page
"""

from __future__ import annotations

from formats.parts import Format
from formats.registry import known_formats
from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "formats.md"

HEAD = (
    "# File formats\n\n"
    "What an upload may be: one file, the files of one recording, or a zip of one recording, under any names. The format is found by "
    "content. This page is written by `python -m tests.house.formats_table`.\n\n"
    "Of every format: leads are taken by their names in any usual spelling and in the file's own order; channels that are no standard lead "
    "are left out and named in `warnings`; samples become mV by the file's own gain, offset and unit. A file without a sampling rate, "
    "units or lead names needs them beside it (`fs`, `units` or `gain`, `lead_names`); where the request contradicts the file it wins, "
    "with a warning. What the file's machine measured itself stands in `reported`, an interval or rate of 0 (not measured) left out.\n\n"
    "Held against the header, and refused where it does not fit: the number of samples and channels, checksums that the format requires, a "
    "gain of 0, infinite values. Patients' names, numbers and addresses are dropped. Nothing is written to disk, no path or address in an "
    "upload is opened, entities in XML and pickles in arrays are refused, and archives are bounded before and while they are unpacked.\n\n"
)


def section(known: Format) -> str:
    about = known.about
    samples = [sample.split(": ", 1) for sample in about.sample_files]
    lines = [
        f"## {known.name}\n",
        f"- Read: {about.variants}.",
        f"- Reader: {about.parser}.",
        f"- Kept beside the samples: {about.metadata}.",
        f"- Left out or refused: {about.ignored}.",
    ]
    if samples:
        lines.append(
            "- Checked on: " + "; ".join(f"`{name}` ({origin})" for name, origin in samples) + "."
        )
    return "\n".join(lines) + "\n"


def sections() -> str:
    return "\n".join(
        section(known) for known in sorted(known_formats(), key=lambda known: known.name.lower())
    )


if __name__ == "__main__":
    PAGE.write_text(HEAD + sections(), encoding="utf-8")
