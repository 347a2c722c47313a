"""Writes docs/settings.md from the settings.

python -m tests.house.settings_table     writes the page
"""

from __future__ import annotations

from server.settings import Settings
from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "settings.md"
OF_THE_MACHINE = {"signal_workers": "half the cores, at least 2"}  # computed defaults

HEAD = """# Settings

Each setting is an environment variable and a flag of `scripts/serve`; the flag takes precedence.
`scripts/serve --help` prints the same list.
This page is written by `python -m tests.house.settings_table`.

"""


def table() -> str:
    rows = ["| variable | flag | default | what it sets |", "|---|---|---|---|"]
    for name, setting in Settings.model_fields.items():
        plain = "none" if setting.default is None else f"`{setting.default}`"
        default = OF_THE_MACHINE.get(name, plain)
        rows.append(
            f"| `ECG_{name.upper()}` | `--{name.replace('_', '-')}` | {default} "
            f"| {setting.description} |"
        )
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(HEAD + table(), encoding="utf-8")
