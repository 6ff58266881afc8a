"""The hooks of a plugin stay what they were found to be, whatever takes their names."""

from __future__ import annotations

import importlib
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega
from omega_core.errors import PluginContractError
from omega_core.plugins.hookspecs import DECLARED, ROUTED

Install = Callable[..., str]
MakeOmega = Callable[..., Omega]

BACKEND = """
    from omega_core import BaseDataBackend

    class Thing(dict):
        pass

    class Backend(BaseDataBackend):
        def put(self, obj, name, attributes=None, **kwargs):
            meta = self.data_store.make_metadata(name, "acme.thing")
            meta.kind_meta = {"items": dict(obj)}
            return meta.save()

        def get(self, name, **kwargs):
            return Thing(self.data_store.metadata(name).kind_meta["items"])
"""

DECLARATION = """
    from omega_core import BackendSpec, hookimpl

    @hookimpl
    def backends():
        return [BackendSpec("acme.thing", "acme.backends:Backend", types=["acme.backends:Thing"])]
"""

REIMPORTED = """
    from acme._hooks import backends
"""

OWN_MARK = """
    import pluggy
    from omega_core import BackendSpec

    @pluggy.HookimplMarker("omega_core")
    def backends():
        return [BackendSpec("acme.thing", "acme.backends:Backend", types=["acme.backends:Thing"])]
"""


@pytest.fixture
def package(site: Path, install: Install) -> Iterator[Callable[..., None]]:
    """Install the plugin acme as a package: ``package(init, backends=..., _hooks=...)``."""

    def package(init: str, *, entry: str = "acme", **modules: str) -> None:
        directory = site / "acme"
        directory.mkdir()
        for name, source in {"__init__": init, **modules}.items():
            (directory / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        install("acme", module=entry)

    yield package
    # A directory without a file of Python is a module without a file, which `site` does not know.
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme"]:
        del sys.modules[name]


def thing() -> Any:
    return importlib.import_module("acme.backends").Thing(a=1)


shadows = pytest.mark.filterwarnings("ignore:plugin 'acme'")


@shadows
@pytest.mark.parametrize("init", [DECLARATION, REIMPORTED, OWN_MARK])
def test_every_omega_of_a_process_stores_with_the_same_backend(
    make_omega: MakeOmega, package: Callable[..., None], init: str
) -> None:
    package(init, backends=BACKEND, _hooks=DECLARATION)
    for name in ("first", "second", "third"):
        om = make_omega(plugins={"enabled": ["acme"]})
        assert "acme.thing" in om.plugins.kinds
        # The first put imports acme.backends, which sets the attribute `backends` of acme.
        assert om.datasets.put(thing(), name).kind == "acme.thing"
        assert type(om.datasets.get(name)).__name__ == "Thing"
    with pickle.loads(pickle.dumps(om)) as copy:
        assert copy.datasets.put(thing(), "x").kind == "acme.thing"


@shadows
def test_whoever_imports_the_submodule_first_changes_nothing(
    make_omega: MakeOmega, package: Callable[..., None]
) -> None:
    package(DECLARATION, backends=BACKEND)
    assert thing() == {"a": 1}
    assert not callable(sys.modules["acme"].backends)
    om = make_omega(plugins={"enabled": ["acme"]})
    assert om.datasets.put(thing(), "x").kind == "acme.thing"


@shadows
@pytest.mark.parametrize("init", [REIMPORTED, OWN_MARK])
def test_a_hook_that_is_lost_before_anybody_saw_it_is_an_error(
    make_omega: MakeOmega, package: Callable[..., None], init: str
) -> None:
    package(init, backends=BACKEND, _hooks=DECLARATION)
    thing()
    om = make_omega(plugins={"enabled": ["acme"], "strict": True})
    with pytest.raises(PluginContractError, match=r"submodule acme\.backends took its place"):
        om.datasets.put(thing(), "x")


def test_a_submodule_that_would_take_the_name_of_a_hook_is_told_at_once(
    make_omega: MakeOmega, package: Callable[..., None]
) -> None:
    package(DECLARATION, backends=BACKEND)
    for _ in range(2):
        om = make_omega(plugins={"enabled": ["acme"]})
        with pytest.warns(UserWarning, match=r"acme\.backends.*rename|by that name") as told:
            om.datasets.put(thing(), "x")
        assert len(told) == 1
        assert om.plugins["acme"].state == "enabled"


@pytest.mark.parametrize("hook", [*DECLARED, *ROUTED])
@pytest.mark.parametrize("directory", [False, True])
def test_any_hook_can_have_a_submodule_of_its_name(
    make_omega: MakeOmega,
    package: Callable[..., None],
    site: Path,
    hook: str,
    directory: bool,
) -> None:
    answer = {"backends": "[]", "settings": "None"}.get(hook, "{}")
    mark = "@hookimpl" if hook in DECLARED else "@hookimpl(wrapper=True)"
    body = f"return {answer}" if hook in DECLARED else "return (yield)"
    package(f"from omega_core import hookimpl\n{mark}\ndef {hook}():\n    {body}\n")
    submodule = site / "acme" / (hook if directory else f"{hook}.py")
    submodule.mkdir() if directory else submodule.write_text("")
    importlib.invalidate_caches()
    for _ in range(2):
        om = make_omega(plugins={"enabled": ["acme"]})
        with pytest.warns(UserWarning, match=rf"acme\.{hook}"):
            plugin = om.plugins["acme"]
        assert plugin.wraps == ([hook] if hook in ROUTED else [])
        implementations = getattr(om.plugins.manager.hook, hook).get_hookimpls()
        assert "acme" in [implementation.plugin_name for implementation in implementations]
        importlib.import_module(f"acme.{hook}")


def test_a_submodule_that_is_imported_before_the_hook_is_defined_harms_nobody(
    make_omega: MakeOmega, package: Callable[..., None]
) -> None:
    package("from . import backends as _\n" + textwrap.dedent(DECLARATION), backends=BACKEND)
    for _ in range(2):
        om = make_omega(plugins={"enabled": ["acme"]})
        assert om.datasets.put(thing(), "x").kind == "acme.thing"


def test_submodules_with_the_names_of_hooks_that_a_plugin_lacks_harm_nobody(
    make_omega: MakeOmega, package: Callable[..., None]
) -> None:
    init = textwrap.dedent(DECLARATION).replace("acme.backends", "acme.things")
    package(init, things=BACKEND, settings="", put="")
    for name in ("settings", "put"):
        importlib.import_module(f"acme.{name}")
    om = make_omega(plugins={"enabled": ["acme"]})
    obj = importlib.import_module("acme.things").Thing()
    assert om.datasets.put(obj, "x").kind == "acme.thing"


def test_a_module_need_not_show_its_hooks(
    make_omega: MakeOmega, package: Callable[..., None]
) -> None:
    hides = (
        DECLARATION.replace("acme.backends", "acme.things")
        + """
    def __dir__():
        return []
    """
    )
    package(hides, things=BACKEND)
    om = make_omega(plugins={"enabled": ["acme"]})
    obj = importlib.import_module("acme.things").Thing()
    assert om.datasets.put(obj, "x").kind == "acme.thing"


@pytest.mark.parametrize("change", ["del acme.backends", "acme.backends = None"])
def test_a_hook_whose_name_is_taken_away_stays_and_is_told(
    make_omega: MakeOmega, package: Callable[..., None], change: str
) -> None:
    package(DECLARATION.replace("acme.backends", "acme.things"), things=BACKEND)
    make_omega(plugins={"enabled": ["acme"]}).datasets.put(1, "x")
    exec(change, {"acme": sys.modules["acme"]})
    om = make_omega(plugins={"enabled": ["acme"]})
    obj = importlib.import_module("acme.things").Thing()
    with pytest.warns(UserWarning, match="defines the hook 'backends', and by that name there is"):
        assert om.datasets.put(obj, "x").kind == "acme.thing"


def test_a_module_that_is_reloaded_declares_what_it_says_now(
    make_omega: MakeOmega, package: Callable[..., None], site: Path
) -> None:
    init = DECLARATION.replace("acme.backends", "acme.things")
    package(init, things=BACKEND)
    assert "acme.thing" in make_omega(plugins={"enabled": ["acme"]}).plugins.kinds
    source = textwrap.dedent(init).replace('acme.thing"', 'acme.other"') + "# longer\n"
    (site / "acme" / "__init__.py").write_text(source, encoding="utf-8")
    importlib.reload(sys.modules["acme"])
    kinds = make_omega(plugins={"enabled": ["acme"]}).plugins.kinds
    assert "acme.other" in kinds
    assert "acme.thing" not in kinds


INSTANCE = """
    from omega_core import BackendSpec, hookimpl

    class Plugin:
        @hookimpl
        def backends(self):
            return [BackendSpec("acme.thing", "acme.backends:Backend",
                                types=["acme.backends:Thing"])]

    plugin = Plugin()
"""


def test_a_plugin_may_be_an_object_whose_name_a_submodule_takes(
    make_omega: MakeOmega, package: Callable[..., None]
) -> None:
    package(INSTANCE, entry="acme:plugin", backends=BACKEND, plugin="")
    for name in ("first", "second"):
        om = make_omega(plugins={"enabled": ["acme"]})
        assert om.datasets.put(thing(), name).kind == "acme.thing"
        importlib.import_module("acme.plugin")


def test_an_object_that_was_lost_to_a_submodule_is_an_error(
    make_omega: MakeOmega, package: Callable[..., None]
) -> None:
    package(INSTANCE, entry="acme:plugin", backends=BACKEND, plugin="")
    importlib.import_module("acme.plugin")
    om = make_omega(plugins={"enabled": ["acme"], "strict": True})
    with pytest.raises(PluginContractError, match=r"has no hooks; it is the module acme\.plugin"):
        om.datasets.put(1, "x")


def test_a_class_in_the_place_of_an_object_is_told(
    make_omega: MakeOmega, package: Callable[..., None]
) -> None:
    package(INSTANCE, entry="acme:Plugin", backends=BACKEND)
    om = make_omega(plugins={"enabled": ["acme"], "strict": True})
    with pytest.raises(PluginContractError, match=r"names the class Plugin.*an instance"):
        om.datasets.put(1, "x")


@shadows
def test_threads_that_load_at_once_find_the_same(
    make_omega: MakeOmega, package: Callable[..., None]
) -> None:
    package(DECLARATION, backends=BACKEND)
    omegas = [make_omega(plugins={"enabled": ["acme"]}) for _ in range(6)]
    kinds: list[str] = []

    def put(om: Omega, name: str) -> None:
        kinds.append(om.datasets.put(thing(), name).kind)

    threads = [
        threading.Thread(target=put, args=(om, str(number))) for number, om in enumerate(omegas)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds == ["acme.thing"] * 6


def test_a_worker_that_unpickles_an_object_first_stores_with_the_same_backend(
    mongo_url: str, mongo_database: str, package: Callable[..., None], site: Path
) -> None:
    package(DECLARATION, backends=BACKEND)
    obj = pickle.dumps(thing())
    program = f"""
import pickle, warnings
import omega_core
warnings.simplefilter("ignore")
obj = pickle.loads({obj!r})
config = {{"mongo": {{"url": "{mongo_url}/{mongo_database}"}}, "plugins": {{"enabled": ["acme"]}}}}
with omega_core.Omega(config) as om:
    print(om.datasets.put(obj, "x").kind)
"""
    path = os.pathsep.join([str(site), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "acme.thing", done.stderr
