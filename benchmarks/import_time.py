"""Prints how long ``import omega_core`` takes, as a ratio to ``import pluggy``.

The two are started in turns, so that what else the machine does hits both. The budget is 3.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 15
BUDGET = 3.0


def seconds(statement: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - begun


def main() -> None:
    statements = ("import pluggy", "import omega_core")
    for statement in statements:
        seconds(statement)  # writes the bytecode
    runs = [[seconds(statement) for statement in statements] for _ in range(RUNS)]
    pluggy, omega = (statistics.median(column) for column in zip(*runs, strict=True))
    print(f"{statements[0]:20} {pluggy * 1000:6.0f} ms")
    print(f"{statements[1]:20} {omega * 1000:6.0f} ms")
    print(f"ratio {omega / pluggy:.2f}, budget {BUDGET:.0f}")


if __name__ == "__main__":
    main()
