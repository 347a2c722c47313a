"""Measure every attack at its largest, and write what the readers cost into the documentation.

python -m tests.attacks.table           measures all (some minutes of one core), writes the table of
                                        docs/security.md and README.md here
python -m tests.attacks.table NAME...   measures these and prints them
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import tests.attacks.bodies  # noqa: F401 - registers the attacks
from tests.attacks.attack import Attack, registered
from tests.attacks.cost import MIB, Cost, cost_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
README = Path(__file__).parent / "README.md"
BEGIN = "<!-- python -m tests.attacks.table: begin -->\n"
END = "<!-- python -m tests.attacks.table: end -->\n"
README_HEAD = """# Attacks on the readers

Bodies that cost more than they should, or once did. The functions of `bodies/` make them.
`test_costs.py` reads each at one size and at its double, in a process of its own, and bounds CPU
seconds and peak memory. [docs/security.md](../../docs/security.md) has the costs at the largest
size. `python -m tests.attacks.table` writes this page.

| attack | reader | what it did | what it gives now |
|---|---|---|---|
"""
NO_HARM = "nothing; the dearest body of its kind"


def measured(attack: Attack) -> Cost:
    return cost_of(lambda: attack.make(attack.largest))


def line(attack: Attack, cost: Cost) -> str:
    """Return one measurement as text."""
    expected = "" if cost.outcome in attack.now else "  not expected"
    sent, unpacked, peak = (
        size / MIB for size in (cost.body_bytes, cost.unpacked_bytes, cost.peak_bytes)
    )
    return (
        f"{attack.name:28} {sent:8.3f} MiB, unpacked {unpacked:7.1f} MiB: {cost.cpu_s:5.2f} s "
        f"{peak:5.0f} MiB {cost.outcome}{expected}\n"
    )


def rows(costs: Iterable[tuple[Attack, Cost]]) -> str:
    """Return the table: for each reader its slowest body and the one that takes most memory."""
    by_reader: dict[str, list[tuple[Attack, Cost]]] = {}
    for attack, cost in costs:
        by_reader.setdefault(attack.reader, []).append((attack, cost))
    lines = [
        "| reader | slowest body | CPU s | body with most memory | MiB |",
        "|---|---|---|---|---|",
    ]
    for reader in sorted(by_reader, key=str.lower):
        slowest, slow = max(by_reader[reader], key=lambda pair: pair[1].cpu_s)
        largest, large = max(by_reader[reader], key=lambda pair: pair[1].peak_bytes)
        lines.append(
            f"| {reader} | {_body(slowest, slow)} | {slow.cpu_s:.1f} | {_body(largest, large)} | "
            f"{large.peak_bytes / MIB:.0f} |"
        )
    return "\n".join(lines) + "\n"


def _body(attack: Attack, cost: Cost) -> str:
    size = f"{cost.body_bytes / MIB:.2g} MiB"
    if cost.unpacked_bytes > 1.1 * cost.body_bytes:
        size += f", unpacked {cost.unpacked_bytes / MIB:.2g}"
    return f"`{attack.name}` ({size})"


def readme() -> str:
    lines = []
    for attack in sorted(registered(), key=lambda attack: (attack.reader.lower(), attack.name)):
        now = ", ".join(f"`{outcome}`" for outcome in attack.now)
        lines.append(f"| `{attack.name}` | {attack.reader} | {attack.was or NO_HARM} | {now} |\n")
    return README_HEAD + "".join(lines)


def with_table(page: str, table: str) -> str:
    """Return a page with the table between its marks."""
    pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
    return re.sub(pattern, lambda _: BEGIN + table + END, page, flags=re.DOTALL)


def main(names: list[str]) -> None:
    chosen = [attack for attack in registered() if not names or attack.name in names]
    costs = []
    for attack in chosen:
        cost = measured(attack)
        sys.stdout.write(line(attack, cost))
        sys.stdout.flush()
        costs.append((attack, cost))
    if not names:
        README.write_text(readme(), encoding="utf-8")
        page = with_table(PAGE.read_text(encoding="utf-8"), rows(costs))
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
