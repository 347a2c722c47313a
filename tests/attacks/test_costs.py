"""No body costs a reader more than docs/security.md states, or more than twice for its double."""

from __future__ import annotations

import pytest

import tests.attacks.array_bodies
import tests.attacks.bodies  # noqa: F401
from tests.attacks.attack import Attack, registered
from tests.attacks.cost import MIB, Cost, cost_of

# Of what is linear in the body, plus what the clock and the allocator add. Quadratic work would
# take four times as long.
MAX_GROWTH = 2.9
CPU_SLACK_S = 0.15
MEMORY_SLACK_BYTES = 24 * MIB
MAX_BYTES_PER_BYTE = 40  # small objects in JSON; formats/limits.py bounds their number
# Of a body, or of what it is unpacked to: a reader of ten times this speed is the aim.
MAX_CPU_S_PER_MIB = 1.0


def measured(attack: Attack, count: int) -> Cost:
    cost = cost_of(lambda: attack.make(count))
    assert cost.outcome in attack.now, (cost.outcome, cost.detail)
    assert len(cost.detail) <= 1000
    return cost


@pytest.mark.parametrize("attack", registered(), ids=lambda attack: attack.name)
def test_an_attack_is_refused_or_read_at_a_cost_linear_in_its_bytes(attack: Attack) -> None:
    once, twice = measured(attack, attack.count), measured(attack, 2 * attack.count)
    assert twice.cpu_s <= MAX_GROWTH * once.cpu_s + CPU_SLACK_S
    assert twice.peak_bytes <= MAX_GROWTH * once.peak_bytes + MEMORY_SLACK_BYTES
    allowed_bytes = MAX_BYTES_PER_BYTE * twice.unpacked_bytes + MEMORY_SLACK_BYTES
    assert twice.peak_bytes <= allowed_bytes
    assert twice.cpu_s <= MAX_CPU_S_PER_MIB * twice.unpacked_bytes / MIB + CPU_SLACK_S
