"""Forge every number and array of every estimator, and use each forgery in a process of its own.

``python plugins/omega_sklearn/tests/mutations --seconds 600 --seed 1`` prints what died, hung, or
made an invalid result, and ends with status 1 if anything did.
"""

from __future__ import annotations

import argparse
import collections
import faulthandler
import gc
import os
import random
import resource
import signal
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from archive import Archive
from fence import fence_loading, fenced
from subjects import subjects
from use import InvalidResultError, use

from omega_core.errors import UntrustedFormatError
from omega_sklearn.formats.skops_format import SkopsBackend

# libgomp does not survive a fork, and the answers do not depend on threads.
_ALONE = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
_SECONDS = 10
_BATCH = 60
_BYTES = 4 << 30


class Mutant(NamedTuple):
    model: str
    change: str
    make: Callable[[], bytes] | None
    x: Any
    y: Any


class Outcome(NamedTuple):
    mutant: Mutant
    verdict: str
    stack: str


def _backend() -> SkopsBackend:
    """Return the backend with the default configuration, and without a database."""
    backend = object.__new__(SkopsBackend)
    security = types.SimpleNamespace(trusted_types=())
    config = types.SimpleNamespace(security=security)
    backend.model_store = types.SimpleNamespace(config=config, bucket="default")
    return backend


def run(backend: SkopsBackend, mutants: list[Mutant], trace: Any) -> Iterator[Outcome]:
    """Use each mutant, in as few processes as it takes: a new one after each that died."""
    while mutants:
        trace.seek(0)
        trace.truncate()
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            try:
                _child(backend, mutants, trace, write)
            finally:
                os._exit(3)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            verdicts = pipe.read().decode().split()
        _, status = os.waitpid(child, 0)
        for mutant, verdict in zip(mutants, verdicts, strict=False):
            yield Outcome(mutant, verdict, "")
        mutants = mutants[len(verdicts) :]
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            how = signal.Signals(number).name
        elif os.WEXITSTATUS(status) != 0:
            how = f"exit {os.WEXITSTATUS(status)}"
        else:
            continue
        trace.seek(0)
        frames = [line.strip() for line in trace.read().decode(errors="replace").splitlines()]
        stack = [line for line in frames if line.startswith("File") and "mutations" not in line]
        # At its end, it gave back memory that any of them may have overwritten.
        mutant = mutants[0] if mutants else Mutant("", "at the end of a process", None, None, None)
        yield Outcome(mutant, how, " < ".join(_frame(line) for line in stack[:3]))
        mutants = mutants[1:]


def _frame(line: str) -> str:
    file, _, rest = line.partition(", line ")
    return f"{file.rsplit('/', 1)[-1].strip(chr(34))}:{rest}"


def _child(backend: Any, mutants: list[Mutant], trace: Any, write: int) -> None:
    # What Python can interrupt is slow, as every large number may be; what it cannot is a hang.
    signal.signal(signal.SIGALRM, _interrupt)
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(trace.fileno(), 2)
    faulthandler.enable(trace)
    for mutant in mutants:
        signal.alarm(_SECONDS)
        faulthandler.dump_traceback_later(2 * _SECONDS, exit=True, file=trace)
        os.write(write, _verdict(backend, mutant).encode() + b" ")
    signal.alarm(0)
    os._exit(0)


class SlowError(BaseException):
    """Is no Exception, since those are the model's."""


def _interrupt(*_: object) -> None:
    raise SlowError


def _verdict(backend: Any, mutant: Mutant) -> str:
    try:
        try:
            model = backend.loads(mutant.make(), "m")
        except UntrustedFormatError:
            return "refused"
        except Exception:
            return "raised"
        use(model, mutant.x, mutant.y)
    except InvalidResultError:
        return "invalid"
    except SlowError:
        return "slow"
    return "used"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--mutants", type=int, default=sys.maxsize)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--share", type=float, default=1.0, help="of all models")
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument("--change", help="mutants whose words contain this")
    options = parser.parse_args()
    if not _ALONE.items() <= os.environ.items():
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **_ALONE})
    print(f"seed {options.seed}")
    warnings.simplefilter("ignore")
    started = time.monotonic()
    generator = random.Random(options.seed)
    backend = _backend()
    pool: list[tuple[float, Mutant]] = []
    refused = []

    def chosen(name: str) -> bool:
        return options.only in name and generator.random() < options.share

    for name, model, x, y in subjects(chosen):
        try:
            data = backend.dumps(model, name)
            backend.loads(data, name)
        except Exception as error:
            refused.append(f"{name}: {str(error)[:300]}")
            continue
        x = fenced(x) if isinstance(x, np.ndarray) else x
        mutants = list(Archive(data).mutants())
        if options.change:
            mutants = [m for m in mutants if options.change in m[0]]
        generator.shuffle(mutants)
        pool += [(k / len(mutants), Mutant(name, *m, x, y)) for k, m in enumerate(mutants)]
    # The same share of each model, however many places it has.
    pool.sort(key=lambda ranked: ranked[0])
    todo = [mutant for _, mutant in pool][: options.mutants]
    ready = time.monotonic() - started
    print(
        f"{len({mutant.model for _, mutant in pool})} models, {len(pool)} mutants, "
        f"of which {len(todo)}, ready in {ready:.0f} s"
    )
    print(*(f"refused although honest: {line}" for line in refused), sep="\n", flush=True)
    fence_loading()
    gc.collect()
    gc.freeze()
    counts: collections.Counter[str] = collections.Counter()
    dead: dict[tuple[str, str], list[str]] = {}
    with tempfile.TemporaryFile() as trace:
        while todo and time.monotonic() - started < options.seconds:
            batch, todo = todo[:_BATCH], todo[_BATCH:]
            for mutant, verdict, stack in run(backend, batch, trace):
                counts[verdict] += 1
                if verdict not in ("refused", "raised", "used", "slow"):
                    dead.setdefault((verdict, stack), []).append(f"{mutant.model}: {mutant.change}")
    done = counts.total()
    print(f"{done} mutants in {time.monotonic() - started:.0f} s: {dict(counts)}")
    for (verdict, stack), mutants in sorted(dead.items(), key=lambda item: -len(item[1])):
        print(f"{verdict} x {len(mutants)} in {stack}")
        print(*(f"    {mutant}" for mutant in mutants[:6]), sep="\n")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
