"""Known vulnerabilities of the locked packages, from PyPI's advisories, by pip-audit.

    python scripts/audit.py

Exits with 1 if a package has one that is not in ACCEPTED. pip-audit says "No known vulnerabilities"
also of packages that it could not look up; this script says so instead, and exits with 0, as it
does where nothing could be looked up: a check must not fail because the network does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-torch-cuda.lock", "requirements-station.lock")
TIMEOUT_S = 300

# Advisory -> why it does not concern the server, and until when that holds.
ACCEPTED: dict[str, str] = {}


@dataclass(frozen=True)
class Audit:
    """What one run found: packages that were looked up, those that were not, and findings."""

    looked_up: tuple[str, ...]
    skipped: tuple[str, ...]
    findings: tuple[str, ...]

    def report(self) -> str:
        lines = list(self.findings)
        if not self.looked_up:
            lines.append(
                f"SKIPPED: NO ADVISORY DATABASE IN REACH: none of {len(self.skipped)} packages "
                "could be looked up"
            )
        elif self.skipped:
            lines.append(f"not looked up: {', '.join(self.skipped)}")
        if self.looked_up:
            lines.append(f"{len(self.looked_up)} packages looked up")
        return "\n".join(lines)


def read(report: dict[str, Any]) -> Audit:
    """Return what pip-audit's JSON says."""
    packages = report["dependencies"]
    findings = [
        f"{package['name']} {package['version']}: {advisory['id']}, "
        f"fixed in {', '.join(advisory['fix_versions']) or 'no version yet'}"
        for package in packages
        for advisory in package.get("vulns", ())
        if advisory["id"] not in ACCEPTED and not ACCEPTED.keys() & set(advisory["aliases"])
    ]
    return Audit(
        looked_up=tuple(p["name"] for p in packages if "skip_reason" not in p),
        skipped=tuple(p["name"] for p in packages if "skip_reason" in p),
        findings=tuple(findings),
    )


def _audit_lock(lock: str) -> Audit | None:
    """Return what is known of one lock's packages; None if pip-audit could not ask."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(ROOT / lock)]
    command += [
        "--disable-pip",
        "--require-hashes",
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        return read(json.loads(done.stdout))
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return None


def main() -> int:
    vulnerable = False
    for lock in LOCKS:
        audit = _audit_lock(lock)
        if audit is None:
            print(f"{lock}: SKIPPED: NO ADVISORY DATABASE IN REACH: pip-audit could not ask one")
            continue
        print(f"{lock}: {audit.report()}")
        vulnerable |= bool(audit.findings)
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
