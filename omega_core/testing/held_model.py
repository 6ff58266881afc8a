"""A model whose fit begins, and then waits for the test: for tests that kill who executes it.

It is a plugin, which is installed where test and workers find it; so workers read it from there, as
they do with any.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import BackendSpec, BaseModelBackend, hookimpl

if TYPE_CHECKING:
    from .. import Metadata

KIND = "held.model"
_PATIENCE = 60.0
_POLL = 0.01


@dataclass(frozen=True)
class HeldModel:
    """A model, and the directory through which test and fit speak.

    Attributes
    ----------
    home
        There, each fit leaves a file when it begins, and waits for the file ``go``.
    fits
        How often it was fitted.
    suicidal
        Whether the process that fits it kills itself once the fitted model is stored; the first
        time alone.
    """

    home: str
    fits: int = 0
    suicidal: bool = False

    def let_go(self) -> None:
        """Let all fits go on, those to come too."""
        Path(self.home, "go").touch()

    def wait_for_fits(self, count: int) -> list[int]:
        """Wait until so many fits have begun, and return their processes, the first one first."""

        def begun() -> list[Path]:
            found = Path(self.home).glob("fit-*")
            return sorted(found, key=lambda path: path.stat().st_mtime_ns)

        wait_until(lambda: len(begun()) >= count)
        return [int(path.name.split("-")[1]) for path in begun()]


class HeldModelBackend(BaseModelBackend):
    """Stores and fits it."""

    def put(
        self, obj: HeldModel, name: str, attributes: dict[str, Any] | None = None, **kwargs: Any
    ) -> Metadata:
        meta = self.model_store.make_metadata(name, KIND, attributes=attributes)
        meta.kind_meta = asdict(obj)
        return meta.save()

    def get(self, name: str, **kwargs: Any) -> HeldModel:
        meta = self.model_store.metadata(name)
        assert meta is not None
        return HeldModel(**meta.kind_meta)

    def fit(
        self,
        modelname: str,
        Xname: str,
        Yname: str | None = None,
        pure_python: bool = True,
        **kwargs: Any,
    ) -> Metadata:
        model = self.model_store.get(modelname)
        self.data_store.get(Xname)
        Path(model.home, f"fit-{os.getpid()}-{time.monotonic_ns()}").touch()
        wait_until(Path(model.home, "go").exists)
        stored = self.model_store.put(HeldModel(model.home, model.fits + 1), modelname)
        if model.suicidal:
            os.kill(os.getpid(), signal.SIGKILL)
        return stored


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing happened in {_PATIENCE:g} seconds")
        time.sleep(_POLL)


@hookimpl
def backends() -> list[BackendSpec]:
    """The kind of the held model."""
    factory = f"{__name__}:HeldModelBackend"
    return [BackendSpec(KIND, factory, types=[f"{__name__}:HeldModel"])]


def install(site: Path) -> None:
    """Install it as a plugin in a directory, which belongs on `sys.path`, and in PYTHONPATH."""
    info = site / "omega_held-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: omega-held\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[omega_core]\nheld = {__name__}\n")
