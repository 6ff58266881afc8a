"""``omega plugins check`` finds what shows without an object, and ``omega doctor`` says so."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core.errors import PluginNotFoundError
from omega_core.plugins.examination import examine

Install = Callable[..., str]
Run = Callable[..., Any]

GOOD = """
from omega_core import BackendSpec, BaseDataBackend, hookimpl

class Thing:
    pass

class Backend(BaseDataBackend):
    def put(self, obj, name, attributes=None, **kwargs):
        return self.data_store.make_metadata(name, "acme.thing").save()

    def get(self, name, **kwargs):
        return Thing()

@hookimpl
def backends():
    here = __name__
    return [BackendSpec("acme.thing", f"{here}:Backend", types=[f"{here}:Thing"])]
"""

REQUIRES = ["omega-core>=0.1,<0.2"]


def edited(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def more(source: str) -> str:
    return GOOD + textwrap.dedent(source)


def claiming(*claims: str) -> str:
    return edited('types=[f"{here}:Thing"]', f"types={list(claims)!r}")


SETTINGS = """
    from dataclasses import dataclass
    from omega_core import Secret

    @dataclass({flags})
    class Settings:
        {fields}

    @hookimpl
    def settings():
        return Settings
"""


def configured(fields: str, flags: str = "frozen=True, kw_only=True") -> str:
    return more(textwrap.dedent(SETTINGS).format(fields=fields, flags=flags))


MISTAKES = {
    # the module
    "no mark": (edited("@hookimpl\n", ""), "forgotten-mark", "Mark it with @hookimpl"),
    "a wrapper without a mark": (
        more("def put(store, name):\n    result = yield\n    return result\n"),
        "forgotten-mark",
        "@hookimpl(wrapper=True)",
    ),
    "a near name": (
        more("def engine():\n    return {}\n"),
        "near-hook",
        "nearly that of the hook 'engines'",
    ),
    "no such hook": (edited("def backends", "def backend"), "contract", "Did you mean 'backends'?"),
    "no hook": ("x = 1", "no-hooks", "offers nothing"),
    "a wrapper that loses": (
        more("@hookimpl(wrapper=True)\ndef get(name):\n    result = yield\n"),
        "lost-result",
        "loses what the backend returns",
    ),
    "an import that ends": ("import os; os._exit(0)", "deadly-import", "ends the process"),
    "an import that fails": ("import no_such_module", "load", "No module named 'no_such_module'"),
    "a heavy import": (more("import mongoengine"), "heavy-import", "mongoengine"),
    "a private import": (
        more("from omega_core.plugins.spec import BackendSpec as Again"),
        "private-import",
        "from omega_core import BackendSpec",
    ),
    # kinds and claims
    "a kind of another": (
        edited('BackendSpec("acme.', 'BackendSpec("pandas.'),
        "foreign-kind",
        "belong to the plugin 'pandas'",
    ),
    "a kind of the core's": (
        edited('BackendSpec("acme.', 'BackendSpec("python.'),
        "foreign-kind",
        "belong to the core",
    ),
    "a kind without a prefix": (
        edited('BackendSpec("acme.thing', 'BackendSpec("thing'),
        "kind-without-prefix",
        "'acme.thing'",
    ),
    "an odd kind": (edited('"acme.thing", f', '"acme.A Thing", f'), "odd-kind", "'acme.a_thing'"),
    "a claim on no module": (claiming("no_such_lib:X"), "claim-unknown", "no module 'no_such_lib'"),
    "a claim that is misspelt": (claiming("jsom:X"), "claim-unknown", "Did you mean 'json'?"),
    "a claim on no class": (
        claiming("json:JSONDecodr"),
        "claim-unresolved",
        "Did you mean 'JSONDecoder'?",
    ),
    "a claim on a function": (claiming("json:loads"), "claim-unresolved", "a function"),
    "a claim on an abstract class": (
        claiming("collections.abc:Mapping"),
        "claim-abstract",
        "deriv",
    ),
    "a claim on everything": (claiming("builtins:object"), "claims-everything", "nobody else"),
    "no claim": (edited(', types=[f"{here}:Thing"]', ""), "claims-everything", "takes them all"),
    "a claim on what is the core's": (
        claiming("builtins:dict"),
        "claims-plain-types",
        "core stores",
    ),
    # classes
    "no such class": (edited(":Backend", ":Backed"), "unresolved-factory", "has no attribute"),
    "no backend": (edited("(BaseDataBackend)", ""), "no-backend", "no subclass of"),
    "no get": (edited("def get(", "def fetch("), "missing-method", "has no get()"),
    "a put that returns nothing": (
        edited("return self.data_store", "self.data_store"),
        "returns-nothing",
        "return meta.save()",
    ),
    "a put without attributes": (
        edited("attributes=None, **kwargs", "*, fast=True"),
        "signature",
        "unexpected keyword argument 'attributes'",
    ),
    "a put that needs an option": (
        edited("attributes=None, **kwargs", "attributes=None, *, fast, **kwargs"),
        "signature",
        "missing a required argument: 'fast'",
    ),
    "an action of data": (
        more("Backend.predict = lambda self, modelname, Xname, **kwargs: 1"),
        "contract",
        "derive the class from BaseModelBackend",
    ),
    "an option that is not taken": (
        edited(", **kwargs):", "):").replace(", types=", ", options=['fast'], types="),
        "option-not-taken",
        "'fast'",
    ),
    "an option that never arrives": (
        edited("attributes=None, **kwargs", "attributes=None, if_rev=None, **kwargs"),
        "option-never-arrives",
        "'if_rev'",
    ),
    "another kind": (
        edited(
            "class Backend(BaseDataBackend):", "class Backend(BaseDataBackend):\n    KIND = 'x'"
        ),
        "other-kind",
        "'x'",
    ),
    # schemes, engines, formats
    "an engine without close": (
        more("""
            class Engine:
                def __init__(self, omega): pass
                def submit(self, task): pass

            @hookimpl
            def engines():
                return {"acme": f"{__name__}:Engine"}
        """),
        "missing-method",
        "Engine has no close()",
    ),
    "an engine that is not there": (
        more("@hookimpl\ndef engines():\n    return {'acme': 'nowhere:Engine'}\n"),
        "unresolved-factory",
        "No module named 'nowhere'",
    ),
    "a file system without settings": (
        more("""
            def open_filesystem(): pass

            @hookimpl
            def filesystems():
                return {"acme": f"{__name__}:open_filesystem"}
        """),
        "signature",
        "the settings of the plugin",
    ),
    "an odd scheme": (
        more("@hookimpl\ndef filesystems():\n    return {'acme://': f'{__name__}:Thing'}\n"),
        "odd-scheme",
        "'://' is no part of it",
    ),
    "a format that does not write": (
        more("""
            class Format:
                def __init__(self, omega): pass
                def read(self, source, *, kind=None): pass

            @hookimpl
            def file_formats():
                return {".acme": f"{__name__}:Format"}
        """),
        "missing-method",
        "Format has no write()",
    ),
    # settings
    "settings that change": (
        configured("x: int = 1", "kw_only=True"),
        "settings-not-frozen",
        "frozen=True",
    ),
    "settings by place": (
        configured("x: int = 1", "frozen=True"),
        "settings-positional",
        "kw_only",
    ),
    "a setting of a strange type": (configured("x: dict = None"), "setting-type", "type dict"),
    "a setting without default": (configured("x: int"), "setting-required", "no default"),
    "a secret in the clear": (
        configured("api_key: str | None = None"),
        "plain-secret",
        "api_key: omega_core.Secret | None = None",
    ),
    "a secret in a repr": (
        configured(
            "key: Secret = Secret('x')\n    def __repr__(self): return self.key.reveal()",
        ),
        "secret-shown",
        "in plain text",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_with_its_remedy(install: Install, mistake: str) -> None:
    source, code, told = MISTAKES[mistake]
    install("acme", source, requires=REQUIRES)
    found = {f.code: f"{f.subject}: {f.message} {f.remedy}" for f in examine("acme")}
    assert code in found
    assert told in found[code]


def test_a_plugin_without_a_mistake_has_no_finding(omega: Run, install: Install) -> None:
    install("acme", configured("api_key: Secret | None = None"), requires=REQUIRES)
    result = omega("plugins", "check", "omega-acme")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.startswith("✓ acme (omega-acme 1.0): nothing found; imported in ")


def test_our_own_plugins_and_examples_have_no_finding(
    omega: Run, install_examples: Callable[..., None]
) -> None:
    # Without their requirements, which only an installation would write down.
    install_examples("foo", "audit")
    document = json.loads(omega("plugins", "check", "--json").stdout)
    found = {
        plugin["id"]: [f for f in plugin["findings"] if f["code"] != "no-requirement"]
        for plugin in document["plugins"]
    }
    assert found.keys() >= {"foo", "audit"}
    assert {id_: findings for id_, findings in found.items() if findings} == {}
    assert all(plugin["import_milliseconds"] < 1000 for plugin in document["plugins"])


def test_an_error_is_an_exit_code_and_a_warning_is_none(omega: Run, install: Install) -> None:
    install("acme", GOOD)
    warned = omega("plugins", "check", "acme", "--json")
    assert warned.exit_code == 0
    [plugin] = json.loads(warned.stdout)["plugins"]
    assert [(f["level"], f["code"]) for f in plugin["findings"]] == [("warning", "no-requirement")]
    assert 'dependencies = ["omega-core>=0.1,<0.2"]' in omega("plugins", "check", "acme").stdout
    wrong = edited("def get(", "def fetch(").replace("acme.", "beta.")
    install("beta", wrong, requires=["omega-core>=0.1"])
    result = omega("plugins", "check", "beta")
    assert result.exit_code == 1
    assert "beta (omega-beta 1.0): 1 error, 1 warning" in result.stdout
    assert "any core to come" in result.stdout


def test_all_that_are_enabled_are_checked_and_the_others_are_named(
    omega: Run, install: Install, config_file: Path, tmp_path: Path
) -> None:
    install("acme", GOOD, requires=REQUIRES)
    install("shy", f"open({str(tmp_path / 'imported')!r}, 'w').close()")
    config_file.write_text("[plugins]\nenabled = ['acme']\n")
    result = omega("plugins", "check", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert [plugin["id"] for plugin in document["plugins"]] == ["acme"]
    assert "shy" in document["disabled"]
    assert not (tmp_path / "imported").exists()
    assert "not checked unless they are named" in omega("plugins", "check").stdout
    assert omega("plugins", "check", "shy").exit_code == 1
    assert (tmp_path / "imported").exists()


def test_what_does_not_end_is_given_up_and_what_was_found_before_is_told(install: Install) -> None:
    source = claiming("fake_slow:X") + "\nimport sys\nsys.path.append(__file__ + '.d')\n"
    module = install("acme", source)
    slow = Path(__import__(module).__file__ + ".d")
    slow.mkdir()
    (slow / "fake_slow.py").write_text("import time; time.sleep(60)")
    found = {finding.code: finding for finding in examine("acme", seconds=3)}
    assert "import 'fake_slow', of the claim 'fake_slow:X'" in found["cut-short"].message
    assert "within 3 seconds" in found["cut-short"].message
    assert "no-requirement" in found


def test_what_is_not_installed_is_told_with_near_names(omega: Run, install: Install) -> None:
    install("acme", GOOD)
    result = omega("plugins", "check", "acm")
    assert result.exit_code == 1
    assert "No plugin 'acm' is installed. Did you mean 'acme'?" in result.stderr
    with pytest.raises(PluginNotFoundError):
        examine("acm")


def test_hooks_in_another_module_are_found(install: Install, site: Path) -> None:
    package = site / "fake_omega_acme"
    package.mkdir()
    install("acme", requires=REQUIRES)
    (package / "__init__.py").write_text(GOOD)
    (package / "more.py").write_text(
        "import omega_core\n@omega_core.hookimpl\ndef engines():\n    return {}\n"
    )
    [finding] = examine("acme")
    assert (finding.code, finding.subject) == ("misplaced-hook", "fake_omega_acme.more, line 3")
    (package / "__init__.py").write_text(GOOD + "\nfrom .more import engines\n")
    assert examine("acme") == []
    (package / "backends.py").write_text("")
    [shadow] = examine("acme")
    assert (shadow.level, shadow.code) == ("warning", "shadowed-hook")


def test_a_forgotten_mark_is_told_when_the_plugin_is_loaded(
    make_omega: Callable[..., Any], install: Install
) -> None:
    install("acme", more("def engines():\n    return {}\n"))
    om = make_omega(plugins={"enabled": ["acme"]})
    with pytest.warns(UserWarning, match="has the name of a hook, and no mark") as caught:
        assert om.plugins["acme"].state == "enabled"
    assert len(caught) == 1
    assert "Mark it with @hookimpl" in str(caught[0].message)


def test_doctor_says_in_a_line_what_is_for_the_author(omega: Run, install: Install) -> None:
    install("acme", edited("def get(", "def fetch("))
    document = json.loads(omega("doctor", "--json").stdout)
    found = {f["message"]: f["level"] for f in document["findings"]}
    line = "acme: 1 error and 1 warning for its author: omega plugins check acme"
    assert found[line] == "warning"
