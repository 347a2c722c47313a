"""What the runs found: kept in results.json, printed as the table of docs/testing.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from tests.house.tree import ROOT
from tests.mutation.faults import Fault

FILE = Path(__file__).with_name("results.json")
# Module -> "line's text | change" -> why the fault is equivalent, or why it is left.
REASONS = Path(__file__).with_name("reasons.json")
PAGE = ROOT / "docs" / "testing.md"
BEGIN = "<!-- scripts/mutate --page: begin -->"
END = "<!-- scripts/mutate --page: end -->"


@dataclass(frozen=True)
class Outcome:
    """One module's run; each survivor is a pair of the line's text and the change."""

    module: str
    source_sha256: str
    seed: int
    mutants: int
    survivors: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls,
        module: str,
        source: str,
        seed: int,
        mutants: int,
        survivors: Sequence[tuple[Fault, str]],
    ) -> Outcome:
        digest = sha256(source.encode()).hexdigest()
        return cls(module, digest, seed, mutants, tuple((line, f.change) for f, line in survivors))


def keep(outcome: Outcome) -> None:
    """Write the outcome over an earlier one of the same module."""
    kept = _read(FILE)
    kept[outcome.module] = asdict(outcome)
    FILE.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", encoding="utf-8")


def write_page() -> None:
    """Write the table between the marks of docs/testing.md."""
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n\n{table()}\n{END}{tail}", encoding="utf-8")


def table() -> str:
    outcomes = [Outcome(**row) for row in _read(FILE).values()]
    reasons = _read(REASONS)
    mutants = sum(outcome.mutants for outcome in outcomes)
    survived = sum(len(outcome.survivors) for outcome in outcomes)
    lines = ["| module | faults | noticed |", "|---|---|---|"]
    for outcome in outcomes:
        noticed = outcome.mutants - len(outcome.survivors)
        lines.append(f"| `{outcome.module}` | {outcome.mutants} | {noticed} |")
    share = 100 * (mutants - survived) / max(mutants, 1)
    lines.append(f"| {len(outcomes)} modules | {mutants} | {mutants - survived} ({share:.1f} %) |")
    lines += ["", "Survivors:", ""]
    for outcome in outcomes:
        for line, change in outcome.survivors:
            reason = reasons.get(outcome.module, {}).get(f"{line} | {change}", "Not examined yet.")
            lines.append(f"- `{outcome.module}`, `{line}`: {change}. {reason}")
    return "\n".join(lines) + "\n"


def _read(path: Path) -> dict[str, dict]:  # type: ignore[type-arg]
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
