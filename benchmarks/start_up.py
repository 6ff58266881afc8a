"""Prints how long it takes to import omega_core, and to run a short command, as ratios.

To ``import pluggy``, and to ``import typer, rich``, which the command line is built on. What is
compared is started in turns, so that what else the machine does hits all. The budgets are 3 and 2.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 15
OMEGA = str(Path(sys.executable).with_name("omega"))
COMPARED = {
    "the import": {
        "import pluggy": [sys.executable, "-c", "import pluggy"],
        "import omega_core": [sys.executable, "-c", "import omega_core"],
    },
    "commands": {
        "import typer, rich": [sys.executable, "-c", "import typer, rich"],
        "omega --help": [OMEGA, "--help"],
        "omega plugins list": [OMEGA, "plugins", "list"],
    },
}
BUDGETS = {"the import": 3.0, "commands": 2.0}


def seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    for title, commands in COMPARED.items():
        for command in commands.values():
            seconds(command)  # writes the bytecode
        runs = [[seconds(command) for command in commands.values()] for _ in range(RUNS)]
        medians = [statistics.median(column) for column in zip(*runs, strict=True)]
        print(f"{title}, budget {BUDGETS[title]:.0f}")
        for name, median in zip(commands, medians, strict=True):
            print(f"  {name:20} {median * 1000:6.0f} ms  ratio {median / medians[0]:.2f}")


if __name__ == "__main__":
    main()
