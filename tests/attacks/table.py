"""Measure every attack at its largest; write the tables of docs/security.md and of README.md here.

python -m tests.attacks.table           measures and writes both; a few minutes
python -m tests.attacks.table NAME...   measures these attacks and prints them
"""

from __future__ import annotations

import sys

import tests.attacks.bodies  # noqa: F401 - registers the attacks
from tests.attacks.attack import Attack, registered
from tests.attacks.cost import MIB, Cost, cost_of


def measured(attack: Attack, count: int) -> Cost:
    return cost_of(lambda: attack.make(count))


def main(names: list[str]) -> None:
    for attack in registered():
        if names and attack.name not in names:
            continue
        for count in (attack.count, 2 * attack.count, attack.largest):
            cost = measured(attack, count)
            sys.stdout.write(
                f"{attack.name:28} {count:10} {cost.body_bytes / MIB:7.3f} "
                f"{cost.unpacked_bytes / MIB:7.2f} MiB {cost.cpu_s:7.2f} s "
                f"{cost.peak_bytes / MIB:7.0f} MiB  {cost.outcome} {cost.detail[:60]!r}"
                + ("" if cost.outcome in attack.now else "   <<<")
                + "\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
