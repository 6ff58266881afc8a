"""DataFrames against omegaml, pymongoarrow, plain MongoDB, ArcticDB, Parquet and Feather.

``nox -s benchmark`` installs the peers and runs this; alone, it runs those that the interpreter
has::

    python benchmarks/frames [--quick] [--cases mixed,wide] [--peers omega,floor] [--repeats 5]
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import machine
import plot
import report
from cases import APPEND_ROWS, APPENDS, CASES, QUICK_APPENDS
from measure import Bench
from peers import ENTRIES
from results import CaseResults

from omega_core.mongo import embedded


def _names(known: dict[str, object]) -> object:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return names

    return parse


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/frames", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small frames, no slow peers")
    parser.add_argument("--cases", type=_names({**CASES}), default=[*CASES])
    parser.add_argument("--peers", type=_names({**ENTRIES}), default=[*ENTRIES])
    parser.add_argument("--repeats", type=int, help="turns of the fast peers; 5, or 2 if quick")
    parser.add_argument("--markdown", type=Path, help="write the tables there, and a plot beside")
    parser.add_argument(
        "--environment",
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help="the interpreter of a peer's environment",
    )
    return parser.parse_args()


def _pythons(pairs: list[str]) -> dict[str, str]:
    """Return the interpreter of each environment; this one, where it has what is needed."""
    pythons = {
        name: sys.executable
        for name, module in (("omega", "omega_pandas"), ("pymongoarrow", "pymongoarrow"),
                             ("arcticdb", "arcticdb"), ("omegaml", "omegaml"))
        if importlib.util.find_spec(module)
    }  # fmt: skip
    given = dict(pair.split("=", 1) for pair in pairs)
    # Peers run in directories of their own. A link is not followed: it says which environment.
    return {**pythons, **{name: os.path.abspath(path) for name, path in given.items()}}


def _facts(
    arguments: argparse.Namespace, cases: list[CaseResults], server: str, load: float
) -> list[str]:
    appends = QUICK_APPENDS if arguments.quick else APPENDS
    options = "".join(
        [
            " --quick" if arguments.quick else "",
            f" --cases {','.join(arguments.cases)}" if arguments.cases != [*CASES] else "",
            f" --peers {','.join(arguments.peers)}" if arguments.peers != [*ENTRIES] else "",
            f" --repeats {arguments.repeats}" if arguments.repeats else "",
            " --markdown docs/benchmarks.md" if arguments.markdown else "",
        ]
    )
    command = f"nox -s benchmark{' --' if options else ''}{options}"
    return [
        f"- Command: `{command}`",
        f"- Date: {datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        f"- Machine: {machine.describe()}",
        f"- Load when it began: {load:.1f} processes",
        f"- One mongod {server} for all, on a unix socket, with 0.5 GB of cache",
        f"- {report.versions(cases)}",
        f"- Appends: {appends:,} of {APPEND_ROWS} rows each",
        *(["- **A quick run: small frames, no slow peers. It proves nothing about speed.**"]
          if arguments.quick else []),
    ]  # fmt: skip


def main() -> int:
    arguments = _arguments()
    repeats = arguments.repeats or (2 if arguments.quick else 5)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="omega-benchmark-") as temporary:
        directory = Path(temporary)
        server = embedded.EmbeddedServer.acquire(directory / "mongo")
        try:
            version = embedded.status(directory / "mongo").version
            pythons = _pythons(arguments.environment)
            bench = Bench(server.url, directory, pythons, repeats, arguments.quick)
            cases = [bench.run(CASES[name], arguments.peers) for name in arguments.cases]
        finally:
            server.release()
    picture = None
    if arguments.markdown and importlib.util.find_spec("matplotlib"):
        picture = f"{arguments.markdown.stem}.svg"
        plot.draw(cases[0], arguments.markdown.with_name(picture))
    facts = _facts(arguments, cases, str(version), load)
    page = report.page(cases, facts, picture, budgets=not arguments.quick)
    print(page)
    if arguments.markdown:
        arguments.markdown.write_text(page.rstrip() + "\n", encoding="utf-8")
    wrong = [f"{case.name}: {what}" for case in cases for what in case.wrong()]
    print(f"Results with wrong values: {', '.join(wrong) or 'none'}.")
    return 1 if any(": omega " in what for what in wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
