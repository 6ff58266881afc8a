"""Distributions of third parties, installed by pip into an environment of their own, or broken."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import textwrap
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega
from omega_core.cli.inspection.plugins import inspect
from omega_core.config import load_config
from omega_core.errors import (
    ConfigError,
    NoBackendError,
    PluginConflictError,
    PluginContractError,
    PluginDisabledError,
    PluginError,
    PluginIncompatibleError,
    PluginLoadError,
    PluginNotFoundError,
)

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

Install = Callable[..., str]


# --- an environment with nothing but wheels ------------------------------------------------------


@pytest.fixture(scope="session")
def fresh_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment: the wheels of the core, omega-foo and omega-audit."""
    directory = tmp_path_factory.mktemp("fresh")
    venv.create(directory / "venv", with_pip=True)
    python = directory / "venv" / "bin" / "python"
    wheels = directory / "wheels"
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    # Once for the three, and not in an environment of its own for each.
    _checked([*pip, "install", "hatchling>=1.27,<2"], cwd=directory)
    projects = [str(path) for path in (ROOT, EXAMPLES / "omega_foo", EXAMPLES / "omega_audit")]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels)]
    _checked([*pip, *build, *projects], cwd=directory)
    built = [str(wheel) for wheel in wheels.glob("*.whl")]
    assert len(built) == 3
    _checked([*pip, "install", *built], cwd=directory)
    return python


def _checked(command: list[str], **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Project:
    """A directory with an omega.toml, and the programs that run in it."""

    PRELUDE = """
        import json, sys, warnings
        from omega_core import Omega, errors

        def show(value):
            print(json.dumps(value, default=str))
        """

    def __init__(self, python: Path, directory: Path, url: str) -> None:
        self.python = python
        self.directory = directory
        self.url = url
        self.root = directory / "foofs"
        directory.mkdir()
        self.configure()

    def configure(self, plugins: str = "", more: str = "") -> None:
        text = f"""
[mongo]
url = "{self.url}"
[plugins]
{plugins}
[plugins.foo]
root = "{self.root}"
{more}
"""
        (self.directory / "omega.toml").write_text(text, encoding="utf-8")

    def run(self, program: str, *, prelude: str = PRELUDE) -> Any:
        """Run a program, and return what it shows."""
        text = textwrap.dedent(prelude) + textwrap.dedent(program)
        environ = {
            name: value
            for name, value in os.environ.items()
            if name not in ("OMEGA_CONFIG", "PYTHONPATH", "VIRTUAL_ENV")
        }
        command = [str(self.python), "-I", "-c", text]
        return json.loads(_checked(command, cwd=self.directory, env=environ).splitlines()[-1])


@pytest.fixture
def project(fresh_python: Path, tmp_path: Path, mongo_url: str, mongo_database: str) -> Project:
    return Project(fresh_python, tmp_path / "project", f"{mongo_url}/{mongo_database}")


@pytest.mark.slow
def test_what_is_installed_is_found_enabled_and_light(project: Project) -> None:
    shown = project.run("""
        om = Omega()
        states = {plugin.id: [plugin.distribution, plugin.state] for plugin in om.plugins}
        import omega_core, omega_foo
        show({
            "states": states,
            "imported": [m for m in sys.modules if m.startswith(("omega_foo", "omega_audit"))],
            "from": [omega_core.__file__, omega_foo.__file__],
        })
    """)
    assert shown["states"] == {
        "audit": ["omega-audit", "enabled"],
        "foo": ["omega-foo", "enabled"],
    }
    assert sorted(shown["imported"]) == ["omega_audit", "omega_foo"]
    assert all("site-packages" in path for path in shown["from"])


@pytest.mark.slow
def test_plugins_import_no_driver_to_be_listed(project: Project) -> None:
    program = """
        import json, sys
        import omega_audit, omega_foo
        omega_foo.backends(), omega_foo.settings()
        heavy = ("pymongo", "mongoengine", "gridfs", "bson", "omega_foo.types")
        print(json.dumps([name for name in heavy if name in sys.modules]))
    """
    assert project.run(program, prelude="") == []


@pytest.mark.slow
def test_one_process_puts_and_another_gets(project: Project) -> None:
    project.run("""
        from omega_foo.types import FooBlob, FooFile, FooMean, FooRows
        with Omega() as om:
            om.datasets.put(FooRows([{"x": 1}, {"x": 2}]), "rows")
            om.datasets.put(FooFile(b"file"), "file")
            om.datasets.put(b"blob", "blob", kind="foo.uri")
            om.datasets.put([1.0, 3.0], "y")
            om.models.put(FooMean(), "mean")
            om.runtime.model("mean").fit("y").get()
            show(None)
    """)
    shown = project.run("""
        with Omega() as om:
            show({
                "kinds": {name: om.datasets.metadata(name).kind for name in om.datasets},
                "rows": om.datasets.get("rows"),
                "file": om.datasets.get("file").decode(),
                "blob": om.datasets.get("blob").decode(),
                "predicted": om.runtime.model("mean").predict("y").get(),
            })
    """)
    assert shown == {
        "kinds": {
            "rows": "foo.rows",
            "file": "foo.file",
            "blob": "foo.uri",
            "y": "python.data",
        },
        "rows": [{"x": 1}, {"x": 2}],
        "file": "file",
        "blob": "blob",
        "predicted": [2.0, 2.0],
    }


@pytest.mark.slow
def test_killed_in_the_middle_of_a_put_they_leave_the_old_object_and_no_orphan(
    project: Project,
) -> None:
    project.configure(more="[stores]\nlease = 0.5")
    shown = project.run("""
        import os, signal, time
        from pathlib import Path
        import omega_core
        from omega_foo.types import FooBlob, FooFile, FooRows

        om = Omega()
        root = Path(om.config.plugins.sections["foo"]["root"])
        shared = ("omega.metadata", "omega.audit", "omega.tasks")

        def stored():
            db = om.datasets.mongodb
            names = [name for name in db.list_collection_names() if name not in shared]
            files = [name for name in names if ".fs." in name]
            documents = [str(d["_id"]) for name in files for d in db[name].find({}, {"_id": 1})]
            return sorted([*names, *documents, *map(str, root.glob("**/*"))])

        def die(*args, **kwargs):
            os.kill(os.getpid(), signal.SIGKILL)

        kinds = {"rows": lambda text: FooRows({"i": i, "text": text} for i in range(3)),
                 "file": lambda text: FooFile(text.encode()),
                 "blob": lambda text: FooBlob(text.encode())}
        for name, make in kinds.items():
            om.datasets.put(make("old"), name)
        before, exits = stored(), []
        for name, make in kinds.items():
            for place in ((omega_core.OmegaStore, "make_metadata"), (omega_core.Metadata, "save")):
                for target in (name, f"new {name}"):
                    child = os.fork()
                    if not child:
                        setattr(*place, die)
                        om.datasets.put(make("new"), target)
                        os._exit(0)
                    exits.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        during = stored()
        condemned = 0
        while condemned < len(exits):
            collected = om.gc(grace=0)
            condemned += collected.condemned
            assert not collected.blocked
            time.sleep(0.05)
        show({"exits": exits, "written": len(during) > len(before), "same": stored() == before,
              "audit": sorted(om.datasets.mongodb["omega.audit"].distinct("outcome")),
              "old": all(om.datasets.get(name) == make("old") for name, make in kinds.items()),
              "names": om.datasets.list()})
    """)
    assert shown == {
        "exits": [-9] * 12,
        "written": True,
        "same": True,
        "audit": ["begun", "success"],
        "old": True,
        "names": ["blob", "file", "rows"],
    }


@pytest.mark.slow
def test_only_enabled_plugins_are_imported(project: Project) -> None:
    program = """
        om = Omega()
        om.datasets.put(b"x", "x")
        show({p.id: [p.state, f"omega_{p.id}" in sys.modules] for p in om.plugins})
    """
    on, off = ["enabled", True], ["disabled", False]
    for plugins, audit, foo in [
        ("", on, on),
        ('enabled = ["foo"]', off, on),
        ('disabled = ["foo"]', on, off),
        ('enabled = ["foo", "audit"]\ndisabled = ["audit"]', off, on),
        ("enabled = []", off, off),
    ]:
        project.configure(plugins)
        assert project.run(program) == {"audit": audit, "foo": foo}, plugins


@pytest.mark.slow
def test_what_a_disabled_plugin_stored_is_there_and_can_be_dropped(project: Project) -> None:
    project.run("""
        Omega().datasets.put(b"x", "x", kind="foo.uri")
        show(None)
    """)
    project.configure('disabled = ["foo"]')
    shown = project.run("""
        om = Omega()
        try:
            om.datasets.get("x")
        except errors.PluginDisabledError as exc:
            told = str(exc)
        dropped = om.datasets.drop("x")
        show([told, dropped, om.datasets.gc(grace=0).blocked])
    """)
    told, dropped, blocked = shown
    assert "'foo.uri' (written by foo 0.1.0) is stored by plugin 'foo' (omega-foo 0.1.0)" in told
    assert "omega plugins enable foo" in told
    assert dropped
    # Only its backend can free what lies in foofs: it waits until that is back.
    assert "PluginDisabledError" in blocked[0]
    assert list(project.root.iterdir())
    project.configure()
    assert project.run("show(Omega().datasets.gc(grace=0).freed)") == 1
    assert not list(project.root.iterdir())


@pytest.mark.slow
def test_the_audit_records_who_did_what_and_how_it_ended(project: Project) -> None:
    shown = project.run("""
        from omega_foo.types import FooMean
        om = Omega()
        om.datasets.put([1.0, 3.0], "y")
        om.models.put(FooMean(), "mean")
        om["b"].datasets.put({"a": 1}, "other")
        try:
            om.datasets.put([object()], "bad")
        except errors.UnsupportedValueError:
            pass
        try:
            om.runtime.model("mean").predict("y").get()
        except errors.StoreError:
            pass
        om.runtime.model("mean").fit("y").get()
        om.runtime.model("mean").predict("y").get()
        om.datasets.drop("y")
        show(list(om.datasets.mongodb["omega.audit"].find({}, {"_id": False}).sort("_id", 1)))
    """)
    assert [(r["what"], r["bucket"], r["store"] + r["name"], r["outcome"]) for r in shown] == [
        ("put", "default", "data/y", "success"),
        ("put", "default", "models/mean", "success"),
        ("put", "b", "data/other", "success"),
        ("put", "default", "data/bad", "failure"),
        ("predict", "default", "models/mean", "failure"),
        ("fit", "default", "models/mean", "success"),
        ("put", "default", "models/mean", "success"),
        ("predict", "default", "models/mean", "success"),
        ("drop", "default", "data/y", "success"),
    ]
    assert all("@" in record["who"] and record["pid"] for record in shown)
    assert all(record["begun"] <= record["ended"] for record in shown)
    assert "UnsupportedValueError" in shown[3]["error"]
    assert "is not fitted" in shown[4]["error"]
    assert (shown[5]["kind"], shown[5]["version"]) == ("foo.mean", 2)


@pytest.mark.slow
def test_a_mistake_in_the_file_is_told_with_its_line(project: Project) -> None:
    project.configure('enabled = ["fooo"]')
    shown = project.run("""
        try:
            Omega().datasets.put(1, "x")
        except errors.PluginNotFoundError as exc:
            show(str(exc))
    """)
    assert "[plugins] enabled names 'fooo'" in shown
    assert "Did you mean 'foo'?" in shown


# --- what is wrong with a plugin -----------------------------------------------------------------

GOOD = """
    from omega_core import BackendSpec, BaseDataBackend, hookimpl

    class Thing:
        def __init__(self, text): self.text = text

    class Backend(BaseDataBackend):
        def put(self, obj, name, attributes=None, **kwargs):
            meta = self.data_store.make_metadata(name, "{kind}")
            meta.kind_meta = {{"text": obj.text}}
            return meta.save()
        def get(self, name, **kwargs):
            return Thing(self.data_store.metadata(name).kind_meta["text"])

    @hookimpl
    def backends():
        return [BackendSpec("{kind}", f"{{__name__}}:Backend", types=[f"{{__name__}}:Thing"])]
"""


def thing(module: str, text: str) -> Any:
    return importlib.import_module(module).Thing(text)


def test_a_disabled_plugin_is_not_imported_at_all(
    make_omega: Callable[..., Omega], install: Install, tmp_path: Path
) -> None:
    noisy = f"open({str(tmp_path / 'imported')!r}, 'w').close()"
    install("noisy", noisy)
    om = make_omega(plugins={"disabled": ["noisy"]})
    om.datasets.put(1, "x")
    assert om.plugins["noisy"].state == "disabled"
    assert not (tmp_path / "imported").exists()
    assert make_omega(plugins={"enabled": ["noisy"]}).plugins["noisy"].state == "enabled"
    assert (tmp_path / "imported").exists()


def test_a_plugin_that_fails_to_import_is_reported_once_with_its_cause_and_the_others_work(
    make_omega: Callable[..., Omega], install: Install
) -> None:
    install("broken", "raise RuntimeError('the licence has expired')")
    module = install("good", GOOD.format(kind="good.thing"))
    om = make_omega(plugins={"enabled": ["broken", "good"]})
    with pytest.warns(UserWarning, match="the licence has expired") as caught:
        om.datasets.put(thing(module, "hello"), "x")
    assert len(caught) == 1
    assert om.datasets.get("x").text == "hello"
    assert "plugin 'broken' (omega-broken 1.0)" in str(caught[0].message)
    error = om.plugins["broken"].error
    assert isinstance(error, PluginLoadError)
    assert isinstance(error.__cause__, RuntimeError)
    with pytest.raises(PluginLoadError, match="the licence has expired"):
        om.datasets.get_backend_bykind("broken.thing")


def test_strict_makes_a_plugin_that_fails_an_error(
    make_omega: Callable[..., Omega], install: Install
) -> None:
    install("broken", "import a_package_that_is_not_there")
    om = make_omega(plugins={"enabled": ["broken"], "strict": True})
    with pytest.raises(PluginLoadError, match="a_package_that_is_not_there"):
        om.datasets.put(1, "x")


def test_a_plugin_that_fails_to_declare_takes_nothing_down(
    make_omega: Callable[..., Omega], install: Install
) -> None:
    source = "from omega_core import hookimpl\n@hookimpl\ndef backends():\n    return 1 / 0\n"
    install("broken", source)
    om = make_omega(plugins={"enabled": ["broken"]})
    with pytest.warns(UserWarning, match="failed to declare what it offers: ZeroDivisionError"):
        om.datasets.put(1, "x")
    assert om.datasets.get("x") == 1


def test_a_backend_whose_library_is_missing_fails_alone_and_at_its_first_use(
    make_omega: Callable[..., Omega], install: Install
) -> None:
    source = GOOD.format(kind="half.thing")
    source = source.replace("{__name__}:Backend", "a_package_that_is_not_there:Backend")
    module = install("half", source)
    om = make_omega(plugins={"enabled": ["half"]})
    om.datasets.put(1, "x")
    with pytest.raises(PluginLoadError, match=r"half\.thing.*half 1\.0.*a_package_that_is_not"):
        om.datasets.put(thing(module, "x"), "y")
    assert om.datasets.list() == ["x"]


def test_two_plugins_that_declare_one_kind_conflict_until_the_configuration_chooses(
    make_omega: Callable[..., Omega], install: Install
) -> None:
    modules = {id: install(id, GOOD.format(kind="same.thing")) for id in ("one", "two")}
    enabled = {"enabled": ["one", "two"]}
    om = make_omega(plugins=enabled)
    with pytest.warns(UserWarning, match="'same.thing' is declared by"):
        om.datasets.put(1, "x")
    with pytest.raises(PluginConflictError, match=r"one 1\.0.*'two' \(omega-two 1\.0\).*kinds ="):
        om.datasets.put(thing(modules["one"], "x"), "y", kind="same.thing")
    for id, module in modules.items():
        om = make_omega(plugins={**enabled, "kinds": {"same.thing": id}, "strict": True})
        meta = om.datasets.put(thing(module, id), "z", kind="same.thing")
        assert meta.plugin == {"name": id, "version": "1.0", "distribution": f"omega-{id}"}
        assert type(om.datasets.get("z")).__module__ == module


def test_a_kind_of_the_core_stays_with_the_core(
    make_omega: Callable[..., Omega], install: Install
) -> None:
    install("greedy", GOOD.format(kind="python.data"))
    om = make_omega(plugins={"enabled": ["greedy"]})
    with pytest.warns(UserWarning, match=r"'python\.data', which is a kind of the core.*rename"):
        om.datasets.put({"a": 1}, "x")
    assert om.datasets.get("x") == {"a": 1}
    assert om.plugins["greedy"].state == "failed"
    om = make_omega(plugins={"enabled": ["greedy"], "kinds": {"python.data": "greedy"}})
    with pytest.raises(ConfigError, match=r"'python\.data' to 'greedy'.*Remove the entry"):
        om.datasets.put({"a": 1}, "x")


def test_a_plugin_for_another_core_is_not_imported_and_says_what_it_requires(
    make_omega: Callable[..., Omega], install: Install
) -> None:
    install("future", "raise AssertionError('imported')", requires=["omega-core >=99"])
    om = make_omega(plugins={"enabled": ["future"]})
    with pytest.warns(UserWarning, match="omega-core>=99") as caught:
        om.datasets.put(1, "x")
    assert "pip install -U omega-core omega-future" in str(caught[0].message)
    assert isinstance(om.plugins["future"].error, PluginIncompatibleError)
    with pytest.raises(PluginIncompatibleError):
        om.datasets.get_backend_bykind("future.thing")


def test_four_states_are_four_errors(make_omega: Callable[..., Omega], install: Install) -> None:
    install("off", GOOD.format(kind="off.thing"))
    install("broken", "raise RuntimeError('no')")
    install("future", requires=["omega-core>=99"])
    om = make_omega(plugins={"enabled": ["broken", "future"]})
    with pytest.warns(UserWarning, match="broken|future"):
        om.datasets.put(1, "x")
    errors = {}
    for id in ("gone", "off", "broken", "future"):
        with pytest.raises(PluginError, match=id) as caught:
            om.datasets.get_backend_bykind(f"{id}.thing")
        errors[id] = type(caught.value)
    assert errors == {
        "gone": PluginNotFoundError,
        "off": PluginDisabledError,
        "broken": PluginLoadError,
        "future": PluginIncompatibleError,
    }


WRAPPER = """
    from omega_core import hookimpl
    import events

    @hookimpl(wrapper=True)
    def put(name):
        events.seen.append("{id} in")
        result = yield
        events.seen.append("{id} out")
        return result
"""


def test_the_configuration_orders_wrappers_from_the_outside_in(
    make_omega: Callable[..., Omega], install: Install, site: Path
) -> None:
    (site / "events.py").write_text("seen = []", encoding="utf-8")
    for id in ("ann", "bob", "cid"):
        install(id, WRAPPER.format(id=id))
    seen = importlib.import_module("events").seen
    for order in (["ann", "bob", "cid"], ["cid", "ann", "bob"], ["bob"]):
        om = make_omega(plugins={"enabled": ["ann", "bob", "cid"], "order": order})
        om.datasets.put(1, "x")
        entered = [event.removesuffix(" in") for event in seen if event.endswith(" in")]
        left = [event.removesuffix(" out") for event in seen if event.endswith(" out")]
        assert entered[: len(order)] == order
        assert left == entered[::-1]
        assert sorted(entered) == ["ann", "bob", "cid"]
        seen.clear()


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        ("@hookimpl\ndef backend():\n    return []", "no such hook. Did you mean 'backends'"),
        ("@hookimpl(wrapper=True)\ndef predit(store):\n    return (yield)", "'predict'"),
        ("@hookimpl\ndef put(store, obj, name):\n    pass", "only a backend may answer it"),
        ("@hookimpl(tryfirst=True)\ndef get(name):\n    return 1", "only a backend may answer it"),
        ("@hookimpl(specname='get')\ndef mine(name):\n    return 1", "only a backend may answer"),
        ("@hookimpl(wrapper=True)\ndef put(name, **kw):\n    return (yield)", "'**kw'"),
        ("@hookimpl(wrapper=True)\ndef put(name, *a):\n    return (yield)", "'*a'"),
        ("@hookimpl(wrapper=True)\ndef put(name, obj=None):\n    return (yield)", "'obj' must be"),
        ("@hookimpl(wrapper=True)\ndef put(*, name):\n    return (yield)", "'name' must be"),
        ("@hookimpl(wrapper=True)\ndef put(nme):\n    return (yield)", "Did you mean 'name'"),
        ("@hookimpl(hookwrapper=True)\ndef put(name):\n    yield", "wrapper=True"),
        ("@hookimpl(wrapper=True)\ndef backends():\n    return (yield)", "cannot be wrapped"),
        ("@hookimpl(wrapper=True)\ndef put(name):\n    return None", "cannot be registered"),
        ("@hookimpl\ndef backends():\n    return ['acme.thing']", "expected BackendSpec, got str"),
    ],
)
def test_a_hook_that_would_not_do_what_its_author_meant_is_refused(
    make_omega: Callable[..., Omega], install: Install, hook: str, told: str
) -> None:
    install("acme", f"from omega_core import hookimpl\n{hook}\n", version="2.3")
    om = make_omega(plugins={"enabled": ["acme"]})
    with pytest.warns(UserWarning, match=r"plugin 'acme' \(omega-acme 2\.3\)") as caught:
        om.datasets.put({"a": 1}, "x")
    assert told in str(caught[0].message)
    assert isinstance(om.plugins["acme"].error, PluginContractError)
    assert om.plugins["acme"].state == "failed"
    assert om.datasets.get("x") == {"a": 1}


# --- what the configuration says of plugins ------------------------------------------------------

SETTINGS = """
    from dataclasses import dataclass
    from omega_core import hookimpl

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        endpoint: str = "here"
        retries: int = 3

    @hookimpl
    def settings():
        return Settings
"""


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('endpiont = "x"', r"omega\.toml, line 6: unknown key 'endpiont'.*Did you mean 'endpoint'"),
        (
            'retries = "many"',
            r"omega\.toml, line 6: .*retries: expected an integer, found a str",
        ),
    ],
)
def test_a_mistake_in_the_section_of_a_plugin_is_the_users_to_mend(
    install: Install, tmp_path: Path, mongo_url: str, section: str, told: str
) -> None:
    install("acme", SETTINGS)
    file = tmp_path / "omega.toml"
    text = (
        f"[mongo]\nurl = '{mongo_url}'\n[plugins]\nenabled = ['acme']\n[plugins.acme]\n{section}\n"
    )
    file.write_text(text, encoding="utf-8")
    with Omega(file) as om, pytest.raises(ConfigError, match=told) as caught:
        om.datasets.put(1, "x")
    assert "plugin" not in str(caught.value).replace("[plugins.acme]", "")
    plugin = inspect(load_config(file))["acme"]
    assert plugin.state == "misconfigured"
    assert isinstance(plugin.error, ConfigError)


def test_a_section_of_a_plugin_without_settings_is_the_users_to_mend(
    make_omega: Callable[..., Omega], install: Install
) -> None:
    install("acme", GOOD.format(kind="acme.thing"))
    om = make_omega(plugins={"enabled": ["acme"], "acme": {"a": 1}})
    with pytest.raises(ConfigError, match=r"plugins\.acme.*no settings. Remove the section"):
        om.datasets.put(1, "x")


def test_a_put_that_misses_a_plugin_names_it_and_its_cause(
    make_omega: Callable[..., Omega], install: Install
) -> None:
    install("broken", "raise RuntimeError('the licence has expired')")
    install("future", requires=["omega-core>=99"])
    modules = {id: install(id, GOOD.format(kind="same.thing")) for id in ("one", "two")}
    install("off", "")
    om = make_omega(plugins={"disabled": ["off"]})
    with pytest.warns(UserWarning, match="broken|future|same"):
        om.datasets.put(1, "x")
    for obj in (object(), thing(modules["one"], "x")):
        with pytest.raises(NoBackendError) as caught:
            om.datasets.put(obj, "x")
        for text in ("the licence has expired", "omega-core>=99", "kinds = {", "not asked: off"):
            assert text in str(caught.value)
    with pytest.raises(PluginNotFoundError, match="the licence has expired"):
        om.datasets.put(1, "x", kind="elsewhere.thing")


def test_a_uri_and_an_engine_that_miss_a_plugin_name_it_and_its_cause(
    make_omega: Callable[..., Omega], install: Install
) -> None:
    install("broken", "raise RuntimeError('the licence has expired')")
    config = {"plugins": {"enabled": ["broken"]}, "runtime": {"engine": "far"}}
    om = make_omega(**config, uris={"allow": ["broken://x/"]})
    with pytest.warns(UserWarning, match="licence"):
        om.datasets.put(1, "x")
    with pytest.raises(PluginNotFoundError, match=r"scheme 'broken'.*the licence has expired"):
        om.datasets.put(b"x", "x", uri="broken://x/{key}")
    with pytest.raises(PluginNotFoundError, match=r"offers 'far'.*the licence has expired"):
        om.runtime.model("m").fit("x")
    assert om.datasets.get("x") == 1


def test_two_entry_points_of_one_module_would_do_everything_twice(
    make_omega: Callable[..., Omega], install: Install, site: Path
) -> None:
    (site / "events.py").write_text("seen = []", encoding="utf-8")
    module = install("one", WRAPPER.format(id="one"))
    install("two", module=module)
    om = make_omega(plugins={"enabled": ["one", "two"]})
    with pytest.warns(UserWarning, match=r"plugin 'two'.*as plugin 'one'.*remove one"):
        om.datasets.put(1, "x")
    assert importlib.import_module("events").seen == ["one in", "one out"]


def test_what_a_plugin_declares_is_taken_as_a_whole_or_not_at_all(
    make_omega: Callable[..., Omega], install: Install
) -> None:
    for id, kind, hook, name in [
        ("filesystems", "f.thing", "filesystems", "file"),
        ("engines", "e.thing", "engines", "local"),
        ("one", "one.thing", "engines", "shared"),
        ("two", "one.thing", "engines", "shared"),
    ]:
        declared = f'@hookimpl\ndef {hook}():\n    return {{"{name}": "x:y"}}\n'
        install(id, textwrap.dedent(GOOD.format(kind=kind)) + declared)
    install("twice", GOOD.format(kind="twice.thing").replace("]\n", "] * 2\n"))
    om = make_omega(plugins={"enabled": ["filesystems", "engines", "one", "two", "twice"]})
    with pytest.warns(UserWarning, match="engine|scheme|twice"):
        om.datasets.put(1, "x")
    assert [p.id for p in om.plugins if p.state == "enabled"] == ["one"]
    assert [kind for kind in om.plugins.kinds if kind.endswith(".thing")] == ["one.thing"]
    assert "the core's own" in str(om.plugins["filesystems"].error)
    assert "the core's own" in str(om.plugins["engines"].error)
    assert "put 'one' or 'two' into disabled in [plugins]" in str(om.plugins["two"].error)


@pytest.mark.parametrize("kind", ["acme.thing", "pandsa.dataframe", "omega.thing", "x"])
def test_nobody_is_sent_to_install_a_package_of_a_guessed_name(
    make_omega: Callable[..., Omega], kind: str
) -> None:
    om = make_omega(plugins={"enabled": []})
    with pytest.raises(PluginNotFoundError) as caught:
        om.datasets.put(1, "x", kind=kind)
    assert "pip install" not in str(caught.value)
    for section in ({"enabled": [kind]}, {kind: {}}):
        with pytest.raises(PluginNotFoundError) as caught:
            make_omega(plugins=section).datasets.put(1, "x")
        assert "pip install" not in str(caught.value)


def test_the_package_that_wrote_an_object_is_remembered_for_those_who_lack_it(
    make_omega: Callable[..., Omega], install: Install, site: Path
) -> None:
    module = install("acme", GOOD.format(kind="acme.thing"), distribution="acme-for-omega")
    make_omega(plugins={"enabled": ["acme"]}).datasets.put(thing(module, "x"), "x")
    shutil.rmtree(next(site.glob("*.dist-info")))
    importlib.invalidate_caches()
    om = make_omega(plugins={"enabled": []})
    with pytest.raises(
        PluginNotFoundError, match=r"written by acme 1\.0.*'acme-for-omega'"
    ) as told:
        om.datasets.get("x")
    # Whoever can write to the database must not have people install something.
    assert "pip install" not in str(told.value)
    forged = {"name": "acme", "version": "1.0", "distribution": "--index-url=http://evil x"}
    with pytest.raises(PluginNotFoundError, match="that provides the plugin 'acme'") as told:
        om.plugins.spec("acme.thing", writer=forged)
    assert "evil" not in str(told.value)


def test_how_to_enable_a_plugin_is_said_for_where_it_was_disabled(
    install: Install, tmp_path: Path, mongo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("off", GOOD.format(kind="off.thing"))
    file = tmp_path / "omega.toml"
    file.write_text("[plugins]\ndisabled = ['off']\n", encoding="utf-8")

    def told(config: Any) -> str:
        with Omega(config, url=mongo_url) as om, pytest.raises(PluginDisabledError) as caught:
            om.datasets.get_backend_bykind("off.thing")
        return str(caught.value).partition("Enable it: ")[2]

    assert told(file) == f"omega plugins enable off (in {file})"
    mapping = {"plugins": {"disabled": ["off"], "enabled": []}}
    both = "take 'off' out of disabled and add 'off' to enabled in [plugins]"
    assert told(mapping) == f"{both} (the configuration given as a mapping)"
    monkeypatch.setenv("OMEGA_PLUGINS__DISABLED", "off")
    variable = "environment variable OMEGA_PLUGINS__DISABLED"
    assert told(file) == f"take 'off' out of disabled in [plugins] ({variable})"
    monkeypatch.delenv("OMEGA_PLUGINS__DISABLED")
    monkeypatch.setenv("OMEGA_PLUGINS__ENABLED", "[]")
    file.write_text("", encoding="utf-8")
    variable = "environment variable OMEGA_PLUGINS__ENABLED"
    assert told(file) == f"add 'off' to enabled in [plugins] ({variable})"
