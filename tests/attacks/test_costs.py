"""No body costs a reader more than docs/security.md states, and its double no more than twice."""

from __future__ import annotations

import pytest

import tests.attacks.bodies  # noqa: F401 - registers the attacks
from tests.attacks.attack import Attack, registered
from tests.attacks.cost import MIB, Cost, cost_of
from tests.attacks.table import PAGE, README, readme
from tests.house.tree import source

# Of work that is linear in the bytes, plus what the clock and the allocator add. Quadratic work
# takes four times as long for the double.
MAX_GROWTH = 2.9
CPU_SLACK_S = 0.25
MEMORY_SLACK_BYTES = 32 * MIB
# Small objects in JSON take most; formats/limits.py bounds their number.
MAX_BYTES_PER_BYTE = 40
# Three times what the slowest reader takes on the machine of docs/security.md.
MAX_CPU_S_PER_MIB = 3.0
# Of any body up to ECG_MAX_BODY_MB: three times, and a tenth more than docs/security.md states.
MAX_CPU_S = 10.0
MAX_PEAK_BYTES = 1000 * MIB
MAX_DETAIL_CHARS = 1000  # an error does not repeat what was sent
# On a busy machine one measurement may cost several times as much. Quadratic work always does.
ATTEMPTS = 3

ATTACKS = pytest.mark.parametrize("attack", registered(), ids=lambda attack: attack.name)


def measured(attack: Attack, count: int) -> Cost:
    cost = cost_of(lambda: attack.make(count))
    assert cost.outcome in attack.now, (cost.outcome, cost.detail)
    assert len(cost.detail) <= MAX_DETAIL_CHARS
    return cost


def cpu_limit_s(once: Cost, twice: Cost) -> float:
    """Return what the double may cost."""
    size = max(twice.body_bytes, twice.unpacked_bytes)
    return CPU_SLACK_S + min(MAX_GROWTH * once.cpu_s, MAX_CPU_S_PER_MIB * size / MIB)


@ATTACKS
def test_an_attack_is_refused_or_read_at_a_cost_linear_in_its_bytes(attack: Attack) -> None:
    for _ in range(ATTEMPTS):
        once, twice = measured(attack, attack.count), measured(attack, 2 * attack.count)
        if twice.cpu_s <= cpu_limit_s(once, twice):
            break
    assert twice.cpu_s <= cpu_limit_s(once, twice)
    assert twice.peak_bytes <= MAX_GROWTH * once.peak_bytes + MEMORY_SLACK_BYTES
    size = max(twice.body_bytes, twice.unpacked_bytes)
    assert twice.peak_bytes <= MAX_BYTES_PER_BYTE * size + MEMORY_SLACK_BYTES


@pytest.mark.long
@ATTACKS
def test_the_largest_body_of_an_attack_stays_within_the_bounds_of_a_worker(attack: Attack) -> None:
    cost = measured(attack, attack.largest)
    assert cost.cpu_s <= MAX_CPU_S
    assert cost.peak_bytes <= MAX_PEAK_BYTES


def test_the_pages_list_every_attack_and_reader() -> None:
    assert README.read_text(encoding="utf-8") == readme(), (
        "write it again with python -m tests.attacks.table"
    )
    page = source(f"docs/{PAGE.name}")
    for reader in {attack.reader for attack in registered()}:
        assert f"\n| {reader} | `" in page
