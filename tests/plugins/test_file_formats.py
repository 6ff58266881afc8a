"""The formats of files that plugins declare: which one is meant, and what is refused."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from omega_core import Omega
from omega_core.errors import PluginContractError, PluginLoadError, UnsupportedOptionError
from omega_core.plugins.file_formats import FileFormats

Install = Callable[..., str]

LINES = """
from omega_core import FileFormat, hookimpl

class Lines(FileFormat):
    kinds = {"python.data": {}}

@hookimpl
def file_formats():
    made = {".none": "builtins:repr", ".bytes": "io:BytesIO", ".gone": "nowhere:Gone"}
    return {".lines": Lines, ".old.lines": Lines, **made}
"""


@pytest.fixture
def formats(make_omega: Callable[..., Omega], install: Install) -> FileFormats:
    install("lines", LINES)
    om = make_omega(plugins={"enabled": ["lines"]})
    return FileFormats(om.plugins, om)


def test_the_longest_suffix_of_a_name_decides_whatever_its_case(formats: FileFormats) -> None:
    assert formats.suffix_of("a/b.LINES") == ".lines"
    assert formats.suffix_of("a.old.lines") == ".old.lines"
    assert formats.suffix_of("x.json") == ".json"
    for none in ("lines", ".lines", "x.bin", "a.lines/x"):
        assert formats.suffix_of(none) is None


def test_a_format_is_named_with_or_without_its_dot(formats: FileFormats) -> None:
    assert type(formats.get("lines")) is type(formats.get(".LINES"))
    with pytest.raises(
        UnsupportedOptionError, match=r"'line'.*'.lines'.*Formats: bytes, gone, json"
    ):
        formats.get("line")


def test_what_is_no_format_is_told_with_its_owner(formats: FileFormats) -> None:
    with pytest.raises(PluginLoadError, match=r"plugin 'lines'.*'nowhere:Gone'"):
        formats.get(".gone")
    with pytest.raises(PluginContractError, match=r"\.none files.*FileFormat"):
        formats.get(".none")
    with pytest.raises(PluginContractError, match=r"cannot be made for an Omega.*FileFormat"):
        formats.get(".bytes")


def test_a_format_that_reads_or_writes_nothing_says_so(formats: FileFormats) -> None:
    with pytest.raises(NotImplementedError, match="Lines reads no files"):
        formats.get(".lines").read("x")
    with pytest.raises(NotImplementedError, match="Lines writes no files"):
        formats.get(".lines").write([], io.BytesIO())


def test_a_kind_is_written_by_a_format_of_its_plugin(formats: FileFormats) -> None:
    assert formats.for_kind("python.data", "omega_core") == ".json"
    assert formats.for_kind("python.data", "lines") == ".lines"
    assert formats.for_kind("python.file", "omega_core") is None


def test_a_suffix_of_a_plugin_that_is_missing_names_the_plugin(
    make_omega: Callable[..., Omega],
) -> None:
    om = make_omega(plugins={"enabled": []})
    for ask in (lambda f: f.suffix_of("x.csv"), lambda f: f.get("csv")):
        with pytest.raises(UnsupportedOptionError, match=r"'pandas', which is not there.*kind"):
            ask(FileFormats(om.plugins, om))


@pytest.mark.parametrize("suffix", ["", "csv", ".", ".CSV", ". x", ".a/b", 3])
def test_what_is_no_suffix_is_refused(
    make_omega: Callable[..., Omega], install: Install, suffix: Any
) -> None:
    install(
        "odd",
        f"""
from omega_core import hookimpl

@hookimpl
def file_formats():
    return {{{suffix!r}: "x:y"}}
""",
    )
    om = make_omega(plugins={"enabled": ["odd"]})
    with pytest.warns(UserWarning, match=r"'file_formats'.*is no suffix"):
        assert om.plugins["odd"].state == "failed"


def test_json_is_the_cores_own(make_omega: Callable[..., Omega], install: Install) -> None:
    install("json", LINES.replace(".lines", ".json"))
    om = make_omega(plugins={"enabled": ["json"]})
    with pytest.warns(UserWarning, match=r"file format '.json', which is the core's own"):
        assert om.plugins.file_formats == {}


def test_json_says_what_json_cannot(formats: FileFormats) -> None:
    data = {1: (datetime(2024, 5, 1, tzinfo=UTC), b"\x00", math.nan), "ü": {"x"}}
    formats.get("json").write(data, target := io.BytesIO())
    assert json.loads(target.getvalue()) == {
        "1": ["2024-05-01T00:00:00+00:00", "AA==", None],
        "ü": ["x"],
    }
    formats.get("json").write(iter([{"a": 1}, {"a": None}]), target := io.BytesIO())
    assert json.loads(target.getvalue()) == [{"a": 1}, {"a": None}]
