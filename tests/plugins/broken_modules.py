"""Broken plugins that are caught when they are loaded, or by `omega plugins check`."""

from __future__ import annotations

from .broken_cases import Broken, at_check, at_load

BACKEND = """
    from omega_core import BackendSpec, BaseDataBackend, hookimpl

    class Thing:
        pass

    class Backend(BaseDataBackend):
        def put(self, obj, name, attributes=None, **kwargs):
            return self.data_store.make_metadata(name, "acme.thing", attributes=attributes).save()

        def get(self, name, **kwargs):
            return Thing()

"""

SOUND = """
    @hookimpl
    def backends():
        return [BackendSpec("acme.thing", f"{__name__}:Backend", types=[f"{__name__}:Thing"])]
"""


def declares(spec: str) -> str:
    return (
        BACKEND
        + f"""
    @hookimpl
    def backends():
        return [{spec}]
"""
    )


def hook(text: str) -> str:
    return BACKEND + SOUND + text


LOAD: list[Broken] = [
    at_load(
        "forgotten mark",
        "A hook without `@hookimpl`",
        BACKEND + "    def backends():\n        return []\n",
        "PluginWarning",
        "has the name of a hook, and no mark",
    ),
    at_load(
        "misspelt hook",
        "A misspelt hook",
        hook("""
    @hookimpl
    def filesystem():
        return {}
"""),
        "PluginContractError",
        "there is no such hook. Did you mean 'filesystems'?",
    ),
    at_load(
        "answers an operation",
        "A plain implementation of `put`, which no backend is",
        hook("""
    @hookimpl
    def put(obj, name):
        return None
"""),
        "PluginContractError",
        "hook 'put': only a backend may answer it",
    ),
    at_load(
        "default in a hook",
        "A hook whose parameter has a default",
        hook("""
    @hookimpl(wrapper=True)
    def get(name, options=None):
        return (yield)
"""),
        "PluginContractError",
        "hook 'get': the parameter 'options' must be a plain one",
    ),
    at_load(
        "kwargs in a hook",
        "A hook with `**kwargs`",
        hook("""
    @hookimpl(wrapper=True)
    def get(name, **kwargs):
        return (yield)
"""),
        "PluginContractError",
        "the parameter '**kwargs' would always be empty",
    ),
    at_load(
        "unknown argument",
        "A hook with an argument that it does not have",
        hook("""
    @hookimpl(wrapper=True)
    def get(nmae):
        return (yield)
"""),
        "PluginContractError",
        "hook 'get': it has no argument 'nmae'. Did you mean 'name'?",
    ),
    at_load(
        "wrapper without yield",
        "A wrapper that never yields",
        hook("""
    @hookimpl(wrapper=True)
    def get(name):
        return None
"""),
        "PluginContractError",
        "not a generator function",
    ),
    at_load(
        "old wrapper",
        "A wrapper in the old style of pluggy",
        hook("""
    @hookimpl(hookwrapper=True)
    def get(name):
        yield
"""),
        "PluginContractError",
        "hookwrapper=True is the old style",
    ),
    at_load(
        "fails to import",
        "An import that fails",
        "import a_library_that_is_not_there",
        "PluginLoadError",
        "ModuleNotFoundError: No module named 'a_library_that_is_not_there'",
    ),
    at_load(
        "exits when imported",
        "An import that calls `sys.exit`",
        "import sys\nsys.exit('no licence')",
        "PluginLoadError",
        "SystemExit: no licence",
    ),
    at_load(
        "entry point to nowhere",
        "An entry point that names no module",
        None,
        "PluginLoadError",
        "No module named 'a_module_of_nobody'",
        module="a_module_of_nobody",
    ),
    at_load(
        "fails to declare",
        "A hook that fails",
        "from omega_core import hookimpl\n@hookimpl\ndef backends():\n    return 1 / 0\n",
        "PluginLoadError",
        "failed to declare what it offers: ZeroDivisionError",
    ),
    at_load(
        "declares no spec",
        "`backends` that returns classes",
        declares("Backend"),
        "PluginContractError",
        "hook 'backends': expected BackendSpec, got type",
    ),
    at_load(
        "malformed claim",
        "A claim without a class",
        declares('BackendSpec("acme.thing", Backend, types=["acme.Thing"])'),
        "PluginLoadError",
        "a type claim is 'module:Class', not 'acme.Thing'",
    ),
    at_load(
        "kind twice",
        "A kind that is declared twice",
        declares('BackendSpec("acme.thing", Backend), BackendSpec("acme.thing", Backend)'),
        "PluginContractError",
        "it declares the kind 'acme.thing' twice",
    ),
    at_load(
        "kind of the core",
        "A kind of the core",
        declares('BackendSpec("python.data", Backend)'),
        "PluginConflictError",
        "'python.data', which is a kind of the core",
    ),
    at_load(
        "kind of two plugins",
        "A kind that another plugin declares as well",
        BACKEND + SOUND,
        "PluginWarning",
        "The kind 'acme.thing' is declared by plugin 'acme' (omega-acme 1.0) and by plugin 'bob'",
        others={"bob": BACKEND + SOUND},
    ),
    at_load(
        "plugin of two distributions",
        "The id of another plugin",
        BACKEND + SOUND,
        "PluginConflictError",
        "Two distributions offer the plugin 'acme'",
        again="acme-again",
    ),
    at_load(
        "scheme of another plugin",
        "The scheme of another plugin",
        hook("""
    @hookimpl
    def filesystems():
        return {"s3": f"{__name__}:open_files"}
"""),
        "PluginConflictError",
        "The scheme 's3' is offered by plugin 'acme' (omega-acme 1.0) and by plugin 'bob'",
        others={
            "bob": BACKEND
            + """
    @hookimpl
    def filesystems():
        return {"s3": f"{__name__}:open_files"}
"""
        },
    ),
    at_load(
        "scheme of the core",
        "The scheme `file`",
        hook("""
    @hookimpl
    def filesystems():
        return {"file": f"{__name__}:open_files"}
"""),
        "PluginConflictError",
        "the scheme 'file', which is the core's own",
    ),
    at_load(
        "other core",
        "A requirement on another core",
        BACKEND + SOUND,
        "PluginIncompatibleError",
        "requires omega-core>=99",
        requires=["omega-core >=99"],
    ),
    at_load(
        "submodule shadows a hook",
        "A submodule with the name of a hook",
        None,
        "PluginWarning",
        "it takes the name of the hook 'backends'",
        module="acme_shadowed",
        files={
            "acme_shadowed/__init__.py": BACKEND + SOUND,
            "acme_shadowed/backends.py": "",
        },
    ),
    at_load(
        "class without an instance",
        "An entry point that names a class",
        None,
        "PluginContractError",
        "whose hooks need an instance",
        module="acme_class:Plugin",
        files={
            "acme_class.py": """
            from omega_core import hookimpl

            class Plugin:
                @hookimpl
                def backends(self):
                    return []
            """
        },
    ),
    at_load(
        "settings without a schema",
        "`settings` that returns no dataclass",
        hook("""
    @hookimpl
    def settings():
        return {"size": 1}
"""),
        "PluginContractError",
        "hook 'settings': settings: expected a dataclass type",
    ),
    at_load(
        "suffix without a dot",
        "A format of files whose suffix has no dot",
        hook("""
    @hookimpl
    def file_formats():
        return {"csv2": f"{__name__}:Format"}
"""),
        "PluginContractError",
        "'csv2' is no suffix of a file",
    ),
]

CHECK: list[Broken] = [
    at_check(
        "claim on a missing class",
        "A claim on a class that the module does not have",
        declares('BackendSpec("acme.thing", Backend, types=["fractions:Fractoin"])'),
        "claim-unresolved",
        "it has no 'Fractoin'. Did you mean 'Fraction'?",
    ),
    at_check(
        "claim on a wrong module",
        "A claim on a misspelt module",
        declares('BackendSpec("acme.thing", Backend, types=["fractoins:Fraction"])'),
        "claim-unknown",
        "There is no module 'fractoins' here",
    ),
    at_check(
        "claim on everything",
        "A claim on `object`",
        declares('BackendSpec("acme.thing", Backend, types=["builtins:object"])'),
        "claims-everything",
        "it takes whatever nobody else claims",
    ),
    at_check(
        "claim on plain types",
        "A claim on `dict`, which the core stores",
        declares('BackendSpec("acme.thing", Backend, types=["builtins:dict"])'),
        "claims-plain-types",
        "with this plugin, all of them go to it",
    ),
    at_check(
        "kind without prefix",
        "A kind that does not begin with the id of the plugin",
        declares('BackendSpec("thing", Backend, types=None)'),
        "kind-without-prefix",
        "It does not begin with the id of the plugin, 'acme'",
    ),
    at_check(
        "kind of a plugin of ours",
        "A kind that begins with the id of another plugin",
        declares('BackendSpec("pandas.thing", Backend, types=None)'),
        "foreign-kind",
        "Kinds that begin with 'pandas' belong to the plugin 'pandas'",
    ),
    at_check(
        "no get",
        "A backend without `get`",
        declares(
            'BackendSpec("acme.thing", type("Half", (BaseDataBackend,), {"put": Backend.put}))'
        ),
        "missing-method",
        "Half has no get()",
    ),
    at_check(
        "option of the store",
        "An option that the store takes for itself",
        BACKEND.replace("attributes=None, **kwargs", "attributes=None, if_rev=None") + SOUND,
        "option-never-arrives",
        "The option 'if_rev' of Backend.put is one that the store takes for itself",
    ),
    at_check(
        "option of nobody",
        "An option that is declared and that no method takes",
        BACKEND.replace(", **kwargs", "")
        + SOUND.replace('types=[f"{__name__}:Thing"]', 'types=None, options=["level"]'),
        "option-not-taken",
        "BackendSpec names the option 'level'",
    ),
    at_check(
        "option that is swallowed",
        "An option that disappears in `**kwargs`",
        BACKEND + SOUND.replace('types=[f"{__name__}:Thing"]', 'types=None, options=["level"]'),
        "option-not-read",
        "takes it in its **kwargs and never looks at those",
    ),
    at_check(
        "settings not frozen",
        "Settings that can be changed",
        hook("""
    from dataclasses import dataclass

    @dataclass
    class Settings:
        size: int = 1

    @hookimpl
    def settings():
        return Settings
"""),
        "settings-not-frozen",
        "All threads share one instance of it",
    ),
    at_check(
        "settings of a wrong type",
        "A setting of a type that no file can say",
        hook("""
    from dataclasses import dataclass

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        size: complex = 1j

    @hookimpl
    def settings():
        return Settings
"""),
        "setting-type",
        "No setting has the type complex",
    ),
    at_check(
        "secret in plain text",
        "A password that is a `str`",
        hook("""
    from dataclasses import dataclass

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        password: str | None = None

    @hookimpl
    def settings():
        return Settings
"""),
        "plain-secret",
        "A secret as str is shown by repr()",
    ),
    at_check(
        "heavy import",
        "A module that imports its library to declare",
        "    import pymongo\n" + BACKEND + SOUND,
        "heavy-import",
        "pymongo",
    ),
    at_check(
        "import that ends the process",
        "An import that ends the process",
        "import os\nos._exit(0)",
        "deadly-import",
        "ends the process that does it",
    ),
    at_check(
        "import that takes for ever",
        "An import that does not end",
        "import time\ntime.sleep(600)",
        "deadly-import",
        "does not end within 3 seconds",
        seconds=3.0,
    ),
    at_check(
        "engine without close",
        "An engine that cannot be closed",
        hook("""
    class Engine:
        honours = frozenset()

        def __init__(self, omega):
            pass

        def submit(self, task):
            return None

    @hookimpl
    def engines():
        return {"acme": f"{__name__}:Engine"}
"""),
        "missing-method",
        "Engine has no close()",
    ),
    at_check(
        "file system without rm_file",
        "A file system that cannot delete",
        hook("""
    class Files:
        def __init__(self, settings):
            pass

        def open(self, path, mode="rb"):
            raise FileNotFoundError(path)

        def info(self, path):
            raise FileNotFoundError(path)

    @hookimpl
    def filesystems():
        return {"acme": f"{__name__}:Files"}
"""),
        "missing-method",
        "Files has no rm_file()",
    ),
]
