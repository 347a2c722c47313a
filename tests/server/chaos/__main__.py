"""`python -m tests.server.chaos --requests 100000 --seed 22` prints the table of one run."""

from __future__ import annotations

import argparse
import math
import sys

from tests.server.chaos.run import ChaosRun


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=22)
    parser.add_argument("--every", type=int, default=100, help="requests from one disturbance on")
    parser.add_argument("--minutes", type=float, default=math.inf, help="then no more are sent")
    options = parser.parse_args()
    run = ChaosRun(
        options.requests,
        options.seed,
        every=options.every,
        seconds=60 * options.minutes,
        progress=sys.stderr.write,
    )
    report = run.report()
    sys.stdout.write(report.table())
    sys.stdout.writelines(f"{fault}\n" for fault in report.account.faults)
    sys.stderr.write(report.log)


if __name__ == "__main__":
    _main()
