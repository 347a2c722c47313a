"""Write report/fonts: IBM Plex Sans as TrueType, without what a report never uses.

npm pack @ibm/plex-sans@1.1.0 && tar xzf ibm-plex-sans-1.1.0.tgz
python scripts/report_fonts.py package

"Plex" is a reserved font name (SIL OFL 1.1, clause 3), so the reduced fonts have another one.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

FOLDER = Path(__file__).parents[1] / "report" / "fonts"
WEIGHTS = ("Regular", "Medium", "SemiBold")
FAMILY = "ECG Report Sans"
# Copyright, licence and its address stay; the other names would be IBM's.
KEPT_NAMES = (0, 13, 14)


def reduced(font: TTFont, weight: str) -> TTFont:
    """Return the font with its characters, without hints and layout rules, under another name."""
    options = Options(hinting=False, layout_features=[], name_IDs=["*"], notdef_outline=True)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=font.getBestCmap())
    subsetter.subset(font)
    names = font["name"]
    for record in list(names.names):
        if record.nameID not in KEPT_NAMES:
            names.removeNames(nameID=record.nameID)
    full = f"{FAMILY} {weight}"
    compact = f"{FAMILY.replace(' ', '')}-{weight}"
    for name_id, text in ((1, full), (2, "Regular"), (3, compact), (4, full), (6, compact)):
        names.setName(text, name_id, 3, 1, 0x409)
        names.setName(text, name_id, 1, 0, 0)
    font.flavor = None
    return font


def main() -> None:
    package = Path(sys.argv[1])
    FOLDER.mkdir(parents=True, exist_ok=True)
    for weight in WEIGHTS:
        path = package / "fonts" / "complete" / "woff" / f"IBMPlexSans-{weight}.woff"
        font = reduced(TTFont(path, recalcTimestamp=False), weight)
        font.save(FOLDER / f"ecg-report-sans-{weight.lower()}.ttf")
    shutil.copy(package / "LICENSE.txt", FOLDER / "OFL.txt")


if __name__ == "__main__":
    main()
