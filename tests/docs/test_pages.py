"""Every page tells the truth: each block of code on it is run, quoted from a file, or validated.

A page is run from top to bottom in a directory and a database of its own, where it finds an ``om``.
Comments in it, which readers do not see, say what the blocks are:

- ``<!-- needs: pandas, sklearn -->`` are the plugins that the page needs, those of ``examples/``
  are ``<!-- examples: foo -->``, and ``<!-- services: s3 -->`` has a server started.
- ``<!-- afresh -->`` begins anew, with another directory and another database.
- ``<!-- setup ... -->`` has Python that runs at this place, and ``<!-- in force ... -->`` the
  configuration of ``om``, in TOML.
- A block of Python or of the shell runs. What a line promises, as ``expression  # -> 3`` or
  ``statement  # raises KeyError``, is checked; so is the ``text`` after a block of the shell, and
  after one of Python whose last line raises.
  ``<!-- run: sizes differ -->`` takes other numbers of bytes for the same.
- ``<!-- from: path -->`` quotes a file, ``<!-- installed: omega_acme -->`` is a module that is
  installed before anything runs, ``<!-- file: name -->`` is written into the directory.
- A block of TOML is a valid configuration, or a ``pyproject.toml``; after ``<!-- in force -->`` it
  is the configuration of ``om``, and of whatever else the page starts.
- ``<!-- parsed: why it cannot run here -->`` is code without mistakes, whose commands exist.
- ``<!-- tests -->`` are tests that a test of that page runs.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import doctest
import os
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import omega_core
from omega_core import Omega
from omega_core.config import load_config

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "plugins/*/README.md", "examples/*/README.md")
    for path in ROOT.glob(pattern)
)
LANGUAGES = ("python", "sh", "toml", "text", "mermaid")
MARKS = ("run", "from", "installed", "file", "in force", "parsed", "tests")
BLOCK = re.compile(
    r"^(?:(?P<indent> *)<!-- (?P<mark>[a-z ]+)(?:: (?P<rest>[^\n]*?))? -->\n)?"
    r"^(?P<inner> *)```(?P<language>\w*)\n(?P<code>.*?)^ *```$"
    r"|^<!-- (?P<hidden>setup|in force)\n(?P<inside>.*?)^-->$"
    r"|^<!-- (?P<afresh>afresh) -->$",
    re.M | re.S,
)
PROMISE = re.compile(r"# -> (?P<result>.+)$")
ERROR = re.compile(r"# raises (?P<error>\w+)$")


@dataclass(frozen=True)
class Block:
    """A block of code of a page, with what the comment before it says."""

    language: str
    code: str
    mark: str = "run"
    rest: str = ""


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block | None]:
    """Return the blocks of a page; None where it begins afresh."""
    found: list[Block | None] = []
    for match in BLOCK.finditer(read(page)):
        if match["afresh"]:
            found.append(None)
        elif match["hidden"] == "setup":
            found.append(Block("python", match["inside"]))
        elif match["hidden"]:
            found.append(Block("toml", match["inside"], match["hidden"]))
        else:
            code = re.sub(rf"^{match['inner']}", "", match["code"], flags=re.M)
            found.append(
                Block(match["language"], code, match["mark"] or "run", match["rest"] or "")
            )
    return found


def parts(page: str) -> list[list[Block]]:
    """Return the blocks of a page, in the parts that begin afresh."""
    made: list[list[Block]] = [[]]
    for block in blocks(page):
        if block is None:
            made.append([])
        else:
            made[-1].append(block)
    return made


def named(page: str, word: str) -> list[str]:
    """Return what the page says it needs."""
    lists = re.findall(rf"^<!-- {word}: ([^\n]*) -->$", read(page), re.M)
    return [name.strip() for names in lists for name in names.split(",")]


def runs(block: Block) -> bool:
    return block.mark == "run" and block.language in ("python", "sh")


def _runs() -> Iterator[Any]:
    for page in PAGES:
        found = parts(page)
        for number, part in enumerate(found):
            if any(map(runs, part)):
                name = page if len(found) == 1 else f"{page}, {number + 1}"
                marks = [pytest.mark.needs_plugins(*named(page, "needs"))]
                yield pytest.param(page, number, marks=marks, id=name)


class Session:
    """A directory, a database and the names of one part of a page."""

    def __init__(self, page: str, directory: Path, environment: Mapping[str, str], om: Omega):
        self.page = page
        self.directory = directory
        self.environment = environment
        self.names: dict[str, Any] = {"om": om, "omega_core": omega_core}
        self.names |= {"_check": check, "_raises": self.raises}

    def run(self, block: Block, expected: str | None) -> None:
        """Run a block; of the shell, compare what comes out with the text that follows it."""
        if block.language == "python":
            tree = ast.fix_missing_locations(CheckPromises(block.code).visit(ast.parse(block.code)))
            exec(compile(tree, self.page, "exec"), self.names)
            if expected is not None and ERROR.search(block.code.rstrip()):
                message = self.names["_error"].splitlines()[0]
                assert _same(" ".join(expected.split()), message), message
            return
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.code],
            cwd=self.directory,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), block.code
        if expected is not None:
            plain = _sizeless if block.rest == "sizes differ" else _plain
            want, got = plain(expected), plain(done.stdout)
            assert _same(want, got), f"{block.code}\n{got}\nis not\n{want}"

    @contextlib.contextmanager
    def raises(self, error: str, code: str) -> Iterator[None]:
        with pytest.raises(Exception) as raised:  # noqa: PT011  which one, only the page knows
            yield
        assert error in [cls.__name__ for cls in raised.type.__mro__], code
        self.names["_error"] = str(raised.value)

    def close(self) -> None:
        for value in self.names.values():
            if isinstance(value, Omega):
                value.close()


class CheckPromises(ast.NodeTransformer):
    """Turns ``expression  # -> result`` into a check of it, and ``# raises KeyError`` as well."""

    def __init__(self, source: str) -> None:
        self.lines = source.splitlines()

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        line = self.lines[node.end_lineno - 1 if node.end_lineno else 0]
        code = ast.Constant(ast.unparse(node))
        if promise := PROMISE.search(line):
            arguments = [node.value, ast.Constant(promise["result"]), code]
            call = ast.Call(ast.Name("_check", ast.Load()), arguments, [])
            return ast.copy_location(ast.Expr(call), node)
        if error := ERROR.search(line):
            expected = ast.Call(
                ast.Name("_raises", ast.Load()), [ast.Constant(error["error"]), code], []
            )
            return ast.copy_location(ast.With([ast.withitem(expected)], [node]), node)
        return node


def check(result: Any, promised: str, code: str) -> None:
    assert repr(result) == promised, code


def _same(expected: str, got: str) -> bool:
    """Return whether it is so; ``...`` is anything."""
    return doctest.OutputChecker().check_output(expected, got, doctest.ELLIPSIS)


def _plain(output: str) -> str:
    """Return the output without what differs between versions of pandas and Parquet."""
    output = re.sub(r" +$", "", output, flags=re.M)
    return re.sub(r'"object"', '"str"', re.sub(r", [\d.]+ kB$", ", 2.7 kB", output, flags=re.M))


def _sizeless(output: str) -> str:
    return re.sub(r" *[\d.]+ (?:bytes|kB|MB)", " 1 kB", _plain(output))


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Start a server of S3, and let the configuration of the page lead there."""
    with contextlib.ExitStack() as stack:

        def start() -> None:
            import boto3
            from moto.server import ThreadedMotoServer

            server = ThreadedMotoServer(port=0, verbose=False)
            server.start()
            stack.callback(server.stop)
            host, port = server.get_host_and_port()
            endpoint = f"http://{host.replace('0.0.0.0', '127.0.0.1')}:{port}"
            keys = {"ML_S3_KEY": "AKIDLONGENOUGHFORALL", "ML_S3_SECRET": "s3cr3t-s3cr3t-s3cr3t"}
            for name, value in {**keys, "OMEGA_PLUGINS__S3__ENDPOINT": endpoint}.items():
                monkeypatch.setenv(name, value)
            key, secret = keys.values()
            client = boto3.client(
                "s3",
                endpoint_url=endpoint,
                region_name="us-east-1",
                aws_access_key_id=key,
                aws_secret_access_key=secret,
            )
            client.create_bucket(Bucket="ml-objects")
            client.close()

        yield start


@pytest.fixture
def start(
    mongo_url: str,
    mongo_database: str,
    make_omega: Callable[..., Omega],
    install: Callable[..., str],
    install_examples: Callable[..., None],
    s3: Callable[[], None],
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str, list[Block]], Session]]:
    """Start the session of a part of a page."""
    directory = tmp_path / "page"
    directory.mkdir()
    monkeypatch.chdir(directory)
    sessions = []

    def start(page: str, part: list[Block]) -> Session:
        install_examples(*named(page, "examples"))
        for service in named(page, "services"):
            {"s3": s3}[service]()
        for block in part:
            if block.mark == "installed":
                install(block.rest.removeprefix("omega_"), block.code, module=block.rest)
        tables = [block.code for block in part if block.mark == "in force"]
        config = directory / "omega.toml"
        config.write_text("\n".join(tables), encoding="utf-8")
        paths = [str(ROOT / "examples" / f"omega_{id}") for id in named(page, "examples")]
        environment = {
            "OMEGA_CONFIG": str(config),
            "OMEGA_MONGO__URL": f"{mongo_url}/{mongo_database}",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(site), *paths]),
            "PYTHONIOENCODING": "utf-8",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        om = make_omega(**tomllib.loads("\n".join(tables)))
        sessions.append(Session(page, directory, os.environ, om))
        return sessions[-1]

    yield start
    for session in sessions:
        session.close()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Maximum number of iteration")
@pytest.mark.parametrize(("page", "number"), [*_runs()])
def test_the_code_of_a_page_does_what_it_says(
    page: str, number: int, start: Callable[[str, list[Block]], Session]
) -> None:
    part = parts(page)[number]
    session = start(page, part)
    for block, following in zip(part, [*part[1:], None], strict=True):
        if block.mark == "file":
            (session.directory / block.rest).write_text(block.code, encoding="utf-8")
        elif runs(block):
            compared = following is not None and following.language == "text"
            session.run(block, following.code if following and compared else None)


@pytest.mark.parametrize("page", PAGES)
def test_no_block_of_a_page_escapes(page: str) -> None:
    text = read(page)
    found = [block for block in blocks(page) if block is not None]
    for block in found:
        assert block.mark in MARKS, block
        assert block.language in LANGUAGES, block
        assert block.rest or block.mark not in ("parsed", "from", "installed", "file"), block
        if block.mark == "parsed":
            _check_mistakes(block)
        if block.language == "python" and block.mark != "from":
            compile(block.code, page, "exec")
    fences = re.findall(r"^ *(?:```|~~~)(\w+)", text, re.M)
    setups = len(re.findall(r"^<!-- (?:setup|in force)$", text, re.M))
    assert len(fences) + setups == len(found)
    assert len(re.findall(r"^ *```$", text, re.M)) == len(fences)
    marks = re.findall(r"^ *<!-- ([a-z ]+)", text, re.M)
    of_blocks = [mark for mark in marks if mark.strip() in MARKS]
    assert len(of_blocks) <= len(found)
    others = {mark.strip() for mark in marks} - set(MARKS)
    assert others <= {"needs", "examples", "services", "setup", "afresh", "generated"}


@pytest.mark.parametrize(
    ("page", "path", "code"),
    [
        pytest.param(page, block.rest, block.code, id=f"{page}, {block.rest}")
        for page in PAGES
        for block in blocks(page)
        if block is not None and block.mark == "from"
    ],
)
def test_a_quote_is_what_stands_in_the_file(page: str, path: str, code: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    assert any(textwrap.indent(code, " " * spaces) in source for spaces in (0, 4, 8))


@pytest.mark.parametrize(
    ("page", "code"),
    [
        pytest.param(page, block.code, id=f"{page}, {number}")
        for page in PAGES
        for number, block in enumerate(blocks(page))
        if block is not None and block.language == "toml"
    ],
)
def test_toml_is_a_configuration_or_a_project(page: str, code: str) -> None:
    tables: dict[str, Any] = tomllib.loads(code)
    if {"project", "tool", "build-system"} & tables.keys():
        assert tables.keys() <= {"project", "tool", "build-system", "dependency-groups"}
        return
    config = load_config(tables)
    for id, settings in _settings().items():
        if id in config.plugins.sections:
            assert dataclasses.is_dataclass(config.section(id, settings))


def _settings() -> dict[str, Any]:
    """Return the sections that the plugins of this repository take, of those that are here."""
    found = {}
    for id in ("s3", "dask", "celery", "notebook"):
        with contextlib.suppress(ImportError):
            plugin = __import__(f"omega_{id}")
            found[id] = plugin.settings()
    return found


def _check_mistakes(block: Block) -> None:
    """Assert that code which cannot run here could; of the shell, that its commands exist."""
    if block.language == "python":
        ast.parse(block.code)
        return
    if block.language != "sh":
        return
    done = subprocess.run(["bash", "-n", "-c", block.code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.split(line.partition("|")[0], comments=True)
        if words[:1] == ["omega"]:
            _check_command(words[1:])


def _check_command(words: list[str]) -> None:
    from typer.main import get_command

    from omega_core.cli.main import app

    command: Any = get_command(app)
    context = command.context_class(command, info_name="omega")
    while hasattr(command, "list_commands") and words != ["--version"]:
        while words[0].startswith("-"):  # an option of `omega`, with its value
            words = words[2:]
        found = command.get_command(context, words[0])
        assert found is not None, words
        command, words = found, words[1:]
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    options = {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"}
    assert options <= known | {"--help"}, words


# --- links ----------------------------------------------------------------------------------------

LINK = re.compile(r"(!?)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
OUTSIDE_OF_CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`", re.M | re.S)


def anchors(page: str) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub and MkDocs make them."""
    text = re.sub(r"^ *```.*?^ *```$", "", read(page), flags=re.M | re.S)
    found: set[str] = set()
    for title in re.findall(r"^#+ (.*)$", text, re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        found.add(re.sub(r"[^\w -]", "", plain.lower()).strip().replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = OUTSIDE_OF_CODE.sub("", read(page))
    for _, target in LINK.findall(text):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there.resolve().relative_to(ROOT).as_posix()), target
