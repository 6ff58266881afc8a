"""The page on publishing is followed to the letter: each command, each file, in their order."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "publishing.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>\w+): (?P<rest>.*?) -->\n)?```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.M | re.S,
)


def steps() -> list[tuple[str, str, str]]:
    """Return what is to be done: a command, a file with its place, or what a command prints."""
    found = []
    for block in BLOCK.finditer(PAGE):
        language, mark = block["language"], block["mark"]
        if mark == "file":
            found.append(("file", block["rest"], block["code"]))
        elif language in ("sh", "text"):
            found.append((language, "", block["code"]))
    return found


def core_wheel(directory: Path) -> Path:
    """Return the wheel of the core: the one under test, or one of the checkout."""
    wheels = Path(os.environ.get("WHEELS_UNDER_TEST", directory / "wheels"))
    if "WHEELS_UNDER_TEST" not in os.environ:
        venv.create(directory / "builder", with_pip=True)
        pip = [str(directory / "builder" / "bin" / "pip"), "--quiet", "wheel", "--no-deps"]
        subprocess.run([*pip, "--wheel-dir", str(wheels), str(ROOT)], check=True)
    [wheel] = wheels.glob("omega_core-*.whl")
    return wheel


def script(directory: Path) -> str:
    """Return the page as one program of the shell, which keeps what each command prints."""
    lines = ["set -euo pipefail"]
    for number, (what, place, code) in enumerate(steps()):
        if what == "file":
            lines += [f"cat > {shlex.quote(place)} <<'END OF THE FILE'", code + "END OF THE FILE"]
        elif what == "sh":
            # In this shell, so that it stays where it goes, and in the environment it activates.
            lines += ["{", code, f"}} > {shlex.quote(str(directory / f'{number}.txt'))}"]
    return "\n".join(lines)


@pytest.mark.slow
def test_who_follows_the_page_has_a_wheel_that_works(
    tmp_path: Path, mongo_url: str, mongo_database: str
) -> None:
    printed, work = tmp_path / "printed", tmp_path / "work"
    printed.mkdir()
    work.mkdir()
    wheel = core_wheel(tmp_path)
    # The core that the page installs is this one, and none of an index.
    constraint = tmp_path / "constraint.txt"
    constraint.write_text(f"omega-core @ {wheel.as_uri()}\n", encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environ = {
        **kept,
        "OMEGA_MONGO__URL": f"{mongo_url}/{mongo_database}",
        "PIP_CONSTRAINT": str(constraint),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run(
        ["bash", "-c", script(printed)],
        cwd=work,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    said = {path.stem: path.read_text(encoding="utf-8") for path in printed.iterdir()}
    assert done.returncode == 0, f"{done.stderr}\n{said}"
    everything = steps()
    for number, (what, _, expected) in enumerate(everything):
        if what == "text":
            got = said[str(number - 1)]
            same = doctest.OutputChecker().check_output(expected, got, doctest.ELLIPSIS)
            assert same, f"{everything[number - 1][2]}\n{got}\nis not\n{expected}"
    suites = [
        said[str(number)]
        for number, (what, _, code) in enumerate(everything)
        if what == "sh" and "pytest" in code.split()
    ]
    assert len(suites) == 2
    assert all(re.search(r"^\d{2,} passed", suite, re.M) for suite in suites), suites
    assert not any("failed" in suite or "error" in suite for suite in suites)
    [built] = (work / "acme-graph" / "dist").iterdir()
    assert built.name == "acme_graph-0.1.0-py3-none-any.whl"


def test_the_page_has_commands_files_and_what_they_print() -> None:
    kinds = [what for what, _, _ in steps()]
    assert {what: kinds.count(what) for what in ("sh", "file", "text")} == {
        "sh": 8,
        "file": 5,
        "text": 2,
    }
