"""Write docs/licences.md: the licence of every locked package, as the package states it.

pip install --target FOLDER --no-deps --require-hashes -r requirements.lock
pip install --target FOLDER --no-deps --require-hashes -r requirements-torch-cuda.lock
pip install --target FOLDER --no-deps --require-hashes -r requirements-station.lock
python scripts/licences.py FOLDER
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
LOCKS = {
    "requirements.lock": "In every image, and in the environment of `scripts/serve`.",
    "requirements-torch-cuda.lock": "PyTorch. Dockerfile.cuda installs all of these; "
    "Dockerfile.cpu only torch, in a build without CUDA.",
    "requirements-station.lock": "What the station needs besides, in the environment of "
    "`scripts/station`; in no image.",
}
WEB_LOCK = "web/package-lock.json"
MAX_LICENCE_CHARS = 60  # some packages state the whole text
HEAD = """# Licences of the packages

What the packages of the locks state about themselves. Wheels may include libraries of others with
licences of their own, which they bring as text: soundfile's, for example, has libsndfile under the
LGPL 2.1. psycopg is under the LGPL 3: the station uses it unchanged, as a package that can be
replaced; whoever passes it on passes on its licence too. The server's own code is under the MIT
licence; weights and data are in [NOTICE](../NOTICE). This page is written by
`python scripts/licences.py FOLDER` (its first lines say what FOLDER is).
"""


def locked(lock: str) -> dict[str, str]:
    """Return name -> version of the packages of a lock."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][\w.-]*)==(\S+)", text, re.MULTILINE))


def normalised(name: str) -> str:
    """Return a package's name as the locks spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(package: Distribution) -> str:
    """Return the SPDX expression; else the classifiers; else how the text of the licence begins."""
    metadata = package.metadata
    if metadata.get("License-Expression"):
        return str(metadata["License-Expression"])
    classifiers = [
        value.rpartition(" :: ")[2]
        for value in metadata.get_all("Classifier") or ()
        if value.startswith("License :: ") and not value.endswith("OSI Approved")
    ]
    if classifiers:
        return "; ".join(classifiers)
    texts = [metadata.get("License")]
    if not texts[0]:
        # Only then: not every text is UTF-8.
        names = metadata.get_all("License-File") or ()
        texts += [package.read_text(f"licenses/{name}") for name in names]
    lines = [line.strip() for text in texts for line in (text or "").splitlines()]
    return next((line[:MAX_LICENCE_CHARS] for line in lines if line), "not stated")


def table(names: dict[str, str], installed: dict[str, Distribution]) -> str:
    """Return the rows of one lock. Raises SystemExit if a package is not installed as locked."""
    rows = ["| package | version | licence |", "|---|---|---|"]
    for name, version in sorted(names.items()):
        package = installed.get(name)
        if package is None or package.version != version:
            found = "absent" if package is None else package.version
            raise SystemExit(f"{name}: {version} is locked, the folder has it {found}")
        rows.append(f"| {name} | {version} | {licence(package)} |")
    return "\n".join(rows) + "\n"


def web_section() -> str:
    """Return the section of the npm packages that the built pages include."""
    lock = json.loads((ROOT / WEB_LOCK).read_text(encoding="utf-8"))
    rows = ["| package | version | licence |", "|---|---|---|"]
    for path, package in sorted(lock["packages"].items()):
        # The entry without a path is web/ itself; `dev` are the tools that build it.
        if path and not package.get("dev"):
            name = path.removeprefix("node_modules/")
            rows.append(f"| {name} | {package['version']} | {package['license']} |")
    text = (
        "The packages that the built pages of web/ include; their texts are in "
        "`web/dist/assets/licences.txt`, which every page links. The tools that build the pages "
        "are not shipped."
    )
    return f"\n## {WEB_LOCK}\n\n{text}\n\n" + "\n".join(rows) + "\n"


def main(folders: list[str]) -> None:
    if not folders:
        raise SystemExit(__doc__)
    installed = {
        normalised(package.metadata["Name"]): package for package in distributions(path=folders)
    }
    sections = [
        f"## {lock}\n\n{about}\n\n{table(locked(lock), installed)}" for lock, about in LOCKS.items()
    ]
    PAGE.write_text(HEAD + "\n" + "\n".join(sections) + web_section(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
