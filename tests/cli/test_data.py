"""Objects go in and out by the command line: as files, through pipes, in parts."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_core import Omega

Run = Callable[..., Any]

SALES = "qty,city,day\n1,Rome,2024-01-01\n5,Paris,2024-02-01\n7,Rome,2024-03-01\n"
pandas = pytest.mark.needs_plugins("pandas")


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sales.csv").write_text(SALES, encoding="utf-8")


def ran(result: Any) -> Any:
    assert result.exit_code == 0, result.output
    return result


def told(result: Any, *texts: str) -> None:
    assert result.exit_code in (1, 2), result.output
    for text in texts:
        assert text in result.stderr


# --- put -------------------------------------------------------------------------------------


@pandas
def test_a_table_is_stored_under_the_name_of_its_file(omega: Run, om: Omega) -> None:
    stored = json.loads(ran(omega("datasets", "put", "sales.csv", "--json")).stdout)
    assert (stored["name"], stored["kind"], stored["version"]) == ("sales", "pandas.dataframe", 1)
    frame = om.datasets.get("sales")
    assert list(frame["qty"]) == [1, 5, 7]
    assert [str(dtype) for dtype in frame.dtypes][2] == "datetime64[s]"


@pandas
def test_attributes_are_json_where_they_can_be_and_text_else(omega: Run, om: Omega) -> None:
    given = ("-a", "owner=ann", "-a", "score=0.5", "-a", "tags=[1, 2]", "-a", "eq=a=b")
    ran(omega("datasets", "put", "sales.csv", "s", *given))
    meta = om.datasets.metadata("s")
    assert meta is not None
    assert meta.attributes == {"owner": "ann", "score": 0.5, "tags": [1, 2], "eq": "a=b"}
    told(omega("datasets", "put", "sales.csv", "-a", "owner"), "--attribute takes KEY=VALUE")


@pandas
def test_a_pipe_is_read_and_appended_by_the_types_that_are_there(omega: Run, om: Omega) -> None:
    ran(omega("datasets", "put", "-", "codes", "-f", "csv", "-O", "text=zip", input="zip\n007\n"))
    ran(omega("datasets", "put", "-", "codes", "-f", "csv", "--append", input="zip\n008\n"))
    assert list(om.datasets.get("codes")["zip"]) == ["007", "008"]
    ran(omega("datasets", "put", "sales.csv"))
    more = "qty,city,day\n,Rome,2024-04-01\n"
    refused = omega("datasets", "put", "-", "sales", "-f", "csv", "--append", input=more)
    told(refused, "standard input: the column 'qty' is", "the stored one is int64")
    assert len(om.datasets.get("sales")) == 3


@pandas
def test_what_a_pipe_is_must_be_said(omega: Run) -> None:
    told(omega("datasets", "put", "-", "x", input="a\n"), "add --format", "csv")
    told(omega("datasets", "put", "-", "--format", "csv", input="a\n"), "has no name")


def test_any_other_file_is_kept_as_it_is(omega: Run, om: Omega) -> None:
    Path("notes.txt").write_bytes(b"one\r\ntwo")
    ran(omega("datasets", "put", "notes.txt"))
    ran(omega("datasets", "put", "-", "piped", "--kind", "python.file", input="three"))
    with om.datasets.get("notes.txt") as file:
        assert file.read() == b"one\r\ntwo"
    assert ran(omega("datasets", "get", "piped")).stdout == "three"
    ran(omega("datasets", "put", "sales.csv", "raw", "--kind", "python.file"))
    assert ran(omega("datasets", "get", "raw")).stdout == SALES


def test_a_directory_goes_in_and_out(omega: Run) -> None:
    Path("d/e").mkdir(parents=True)
    Path("d/e/f").write_text("hello")
    ran(omega("datasets", "put", "d"))
    ran(omega("datasets", "get", "d", "-o", "again"))
    assert Path("again/e/f").read_text() == "hello"
    piped = io.BytesIO(ran(omega("datasets", "get", "d")).stdout_bytes)
    with tarfile.open(fileobj=piped) as archive:
        assert "e/f" in archive.getnames()
    told(omega("datasets", "get", "d", "-o", "again"), "'again' exists")


def test_json_is_python_data(omega: Run, om: Omega) -> None:
    Path("x.JSON").write_text('{"a": [1, null]}')
    ran(omega("datasets", "put", "x.JSON"))
    assert om.datasets.get("x") == {"a": [1, None]}
    assert json.loads(ran(omega("datasets", "get", "x")).stdout) == {"a": [1, None]}
    Path("bad.json").write_text("{")
    told(omega("datasets", "put", "bad.json"), "'bad.json' is no JSON")
    assert om.datasets.list() == ["x"]


@pandas
def test_rows_of_json_lines_stay_rows_by_their_kind(omega: Run, om: Omega) -> None:
    lines = '{"a": 1}\n\n{"b": "x"}\n'
    ran(omega("datasets", "put", "-", "r", "-f", "jsonl", "--kind", "python.rows", input=lines))
    assert om.datasets.get("r") == [{"a": 1}, {"b": "x"}]
    assert ran(omega("datasets", "get", "r", "-f", "jsonl")).stdout == '{"a": 1}\n{"b": "x"}\n'
    told(
        omega("datasets", "put", "-", "t", "-f", "jsonl", "--kind", "python.rows", input="{}\n{"),
        "standard input, line 2, is no JSON",
    )


@pandas
@pytest.mark.parametrize(
    "arguments",
    [
        (["nope.csv"], "no file 'nope.csv'"),
        (["sales.csv", "-O", "delimeter=;"], "no such option to read with. Did you mean 'delim"),
        (["sales.csv", "-f", "csw"], "no format 'csw'"),
        (["sales.csv", "--uri", "file:///nowhere/x"], "[uris] allow"),
        (["sales.csv", "-f", "parquet"], "'sales.csv' is no file of Parquet"),
    ],
    ids=["file", "option", "format", "uri", "parquet"],
)
def test_what_cannot_be_stored_is_told_and_leaves_nothing(
    omega: Run, om: Omega, arguments: tuple[list[str], str]
) -> None:
    given, text = arguments
    told(omega("datasets", "put", *given), text)
    assert om.datasets.list() == []


# --- get -------------------------------------------------------------------------------------


@pandas
def test_a_part_of_a_table_comes_out(omega: Run) -> None:
    ran(omega("datasets", "put", "sales.csv"))
    condition = "qty > 3 and city == 'Rome'"
    result = ran(omega("datasets", "get", "sales", "--where", condition, "--columns", "city,qty"))
    assert result.stdout == "city,qty\nRome,7\n"
    assert ran(omega("datasets", "get", "sales", "--rows", "1:2")).stdout.endswith(
        "qty,city,day\n5,Paris,2024-02-01\n"
    )
    as_json = ran(omega("datasets", "get", "sales", "--rows", ":1", "--json")).stdout
    assert json.loads(as_json) == [{"qty": 1, "city": "Rome", "day": "2024-01-01T00:00:00"}]
    empty = ran(omega("datasets", "get", "sales", "--where", "qty > 99", "--json")).stdout
    assert json.loads(empty) == []
    told(omega("datasets", "get", "sales", "--where", "qty >"), "--where, at ▸ in qty >▸")
    told(omega("datasets", "get", "sales", "--where", "qyt > 1"), "'qyt'", "'qty'")
    told(omega("datasets", "get", "sales", "--rows", "x"), "--rows takes START:STOP")


@pandas
@pytest.mark.parametrize("suffix", ["csv", "parquet", "feather", "arrow", "jsonl"])
def test_a_table_goes_out_as_a_file_and_comes_back(omega: Run, om: Omega, suffix: str) -> None:
    ran(omega("datasets", "put", "sales.csv"))
    ran(omega("datasets", "get", "sales", "-o", f"again.{suffix}"))
    ran(omega("datasets", "put", f"again.{suffix}"))
    again = om.datasets.get("again")
    if suffix == "jsonl":  # which has no times
        again = again.astype({"day": "datetime64[s]"})
    # Nor has Parquet seconds: a time comes back as the same one in another unit.
    assert again.equals(om.datasets.get("sales").astype(again.dtypes))
    assert sorted(os.listdir()) == sorted(["omega.toml", "sales.csv", f"again.{suffix}"])


@pandas
def test_an_earlier_version_comes_out_and_becomes_the_current_one(omega: Run) -> None:
    for qty in (1, 2):
        ran(omega("datasets", "put", "-", "x", "-f", "csv", input=f"a\n{qty}\n"))
    assert ran(omega("datasets", "get", "x", "--version", "1")).stdout == "a\n1\n"
    told(omega("datasets", "get", "x", "--version", "7"), "version 7")
    ran(omega("datasets", "restore", "x", "1"))
    assert ran(omega("datasets", "get", "x")).stdout == "a\n1\n"


@pandas
def test_a_file_is_replaced_as_a_whole_or_not_at_all(omega: Run, om: Omega) -> None:
    ran(omega("datasets", "put", "sales.csv"))
    Path("out.csv").write_text("before")
    Path("link.csv").symlink_to("out.csv")
    # Of a column that is not there, and of a format that cannot.
    told(omega("datasets", "get", "sales", "-o", "out.csv", "--columns", "nope"), "'nope'")
    om.datasets.put({"a": 1}, "data")
    told(omega("datasets", "get", "data", "-o", "out.csv"), "CSV is written of frames")
    assert Path("out.csv").read_text() == "before"
    ran(omega("datasets", "get", "sales", "-o", "link.csv"))
    assert Path("out.csv").read_text() == SALES
    assert Path("link.csv").is_symlink()
    told(omega("datasets", "get", "sales", "-o", "out.xlsx"), "no format '.xlsx'")
    assert sorted(os.listdir()) == ["link.csv", "omega.toml", "out.csv", "sales.csv"]


# --- head, sample, du ------------------------------------------------------------------------


@pandas
def test_head_and_sample_show_rows(omega: Run, om: Omega) -> None:
    ran(omega("datasets", "put", "sales.csv"))
    rows = json.loads(ran(omega("datasets", "head", "sales", "-n", "2", "--json")).stdout)
    assert [row["qty"] for row in rows] == [1, 5]
    found = omega("datasets", "head", "sales", "--where", "city == 'Rome'", "--json")
    assert [row["qty"] for row in json.loads(ran(found).stdout)] == [1, 7]
    assert "Paris" in ran(omega("datasets", "head", "sales")).stdout
    draws = {
        ran(omega("datasets", "sample", "sales", "-n", "2", "--seed", seed, "--json")).stdout
        for seed in ("1", "1", "2", "3", "4")
    }
    assert 1 < len(draws) < 5
    om.datasets.put([{"a": 1}, {"a": 2}], "rows", kind="python.rows")
    assert "2" in ran(omega("datasets", "head", "rows")).stdout
    drawn = json.loads(ran(omega("datasets", "sample", "rows", "-n", "9", "--json")).stdout)
    assert drawn == [{"a": 1}, {"a": 2}]
    om.datasets.put({"k": [1]}, "data")
    assert json.loads(ran(omega("datasets", "head", "data", "--json")).stdout) == [
        {"key": "k", "value": [1]}
    ]


@pandas
def test_an_index_that_says_something_is_shown(omega: Run, om: Omega) -> None:
    import pandas as pd

    om.datasets.put(pd.DataFrame({"a": [1]}, index=pd.Index(["k"], name="key")), "x")
    assert json.loads(ran(omega("datasets", "head", "x", "--json")).stdout) == [
        {"key": "k", "a": 1}
    ]
    assert ran(omega("datasets", "get", "x")).stdout == "key,a\nk,1\n"


def test_du_sums_what_is_kept(omega: Run, om: Omega) -> None:
    for size in (1000, 3000):
        om.datasets.put(b"x" * size, "big")
    om.datasets.put(b"x", "small")
    om.snapshot("before")
    om.datasets.drop("small")
    for size in (3001, 3002):
        om.datasets.put(b"x" * size, "big")  # two versions stay
    found = json.loads(ran(omega("datasets", "du", "--json")).stdout)
    told = [(o["name"], o["versions"], o["in snapshots"], o["stored"]) for o in found["objects"]]
    assert told == [("big", 2, 1, 9003), ("small", 0, 1, 1)]
    assert (found["stored"], found["raw"]) == (9004, 9004)
    kept = json.loads(ran(omega("datasets", "du", "big", "--json")).stdout)["versions"]
    assert [(v["version"], v["kept as"], v["stored"]) for v in kept] == [
        (2, "snapshot", 3000), (3, "version", 3001), (4, "current", 3002),
    ]  # fmt: skip
    assert "9.0 kB stored, 9.0 kB raw" in ran(omega("datasets", "du", "big")).stdout
    assert "No object 'bigger'" in omega("datasets", "du", "bigger").stderr


@pandas
def test_du_knows_what_values_take_that_are_compressed(omega: Run, om: Omega) -> None:
    import pandas as pd

    om.datasets.put(pd.DataFrame({"a": [1.5] * 10_000}), "frame")
    om.datasets.put(pd.DataFrame({"a": [1.5] * 500}), "frame", append=True)
    om["other"].models.put(b"a model", "m")
    found = json.loads(ran(omega("du", "--json")).stdout)
    frame, model = found["buckets"]
    assert (frame["bucket"], frame["store"], frame["raw"]) == (om.bucket, "datasets", 84_000)
    assert 0 < frame["stored"] < 8_400
    assert model == {"bucket": "other", "store": "models", "objects": 1, "stored": 7, "raw": 7}
    assert "84.0 kB raw" in ran(omega("datasets", "du")).stdout


def test_a_device_is_written_to_and_a_directory_is_not_replaced(
    omega: Run, om: Omega, tmp_path: Path
) -> None:
    om.datasets.put({"a": 1}, "x")
    ran(omega("datasets", "get", "x", "-o", os.devnull, "--format", "json"))
    told(omega("datasets", "get", "x", "-o", str(tmp_path), "--format", "json"), "is a directory")
    assert not Path(os.devnull).is_file()


# --- other people's formats ------------------------------------------------------------------


def test_a_format_of_a_third_party_is_one_like_the_others(
    omega: Run, om: Omega, install: Callable[..., str]
) -> None:
    install(
        "lines",
        """
        from omega_core import FileFormat, hookimpl

        class Lines(FileFormat):
            kinds = {"python.data": {}}
            text = True

            def read(self, source, *, kind=None, comment="#"):
                with open(source) as file:
                    return [line.strip() for line in file if not line.startswith(comment)]

            def write(self, obj, target, *, end="\\\\n"):
                target.write("".join(f"{item}{end}" for item in obj).encode())

        @hookimpl
        def file_formats():
            return {".lines": Lines}
        """,
    )
    Path("x.lines").write_text("#no\nyes\n%perhaps\n")
    ran(omega("datasets", "put", "x.lines", "-O", "comment=%"))
    assert om.datasets.get("x") == ["#no", "yes"]
    assert ran(omega("datasets", "get", "x", "-f", "lines", "-O", "end=;")).stdout == "#no;yes;"


# --- what other modules do, from here --------------------------------------------------------


@pandas
def test_columns_are_shown_with_what_is_known_of_them(omega: Run) -> None:
    ran(omega("datasets", "put", "sales.csv"))
    found = json.loads(ran(omega("datasets", "schema", "sales", "--json")).stdout)
    assert [column["name"] for column in found["columns"]] == ["qty", "city", "day"]
    assert "datetime64[s]" in ran(omega("datasets", "schema", "sales")).stdout
    summary = json.loads(ran(omega("datasets", "describe", "sales", "--json")).stdout)
    assert (summary["rows"], summary["columns"][0]["max"]) == (3, 7)
    assert "Rome" in ran(omega("datasets", "describe", "sales")).stdout


@pandas
def test_two_versions_are_compared(omega: Run) -> None:
    for text in ("a,b\n1,2\n", "a,c\n1,2\n"):
        ran(omega("datasets", "put", "-", "x", "-f", "csv", input=text))
    found = json.loads(ran(omega("datasets", "diff", "x", "1", "--json")).stdout)
    assert (found["columns"]["added"], found["columns"]["removed"]) == (["c"], ["b"])
    assert "c" in ran(omega("datasets", "diff", "x", "1", "2")).stdout


def test_objects_are_copied_and_moved(omega: Run, om: Omega) -> None:
    for value in (1, 2):
        om.datasets.put(value, "x")
    ran(omega("datasets", "cp", "x", "y"))
    ran(omega("datasets", "cp", "x", "old", "--version", "1", "--to-bucket", "archive"))
    ran(omega("datasets", "mv", "x", "z", "--to-store", "models"))
    assert om.datasets.list() == ["y"]
    assert om["archive"].datasets.get("old") == 1
    assert [om.models.get("z", version=v) for v in (1, 2)] == [1, 2]
    told(omega("datasets", "cp", "y", "w", "--to-store", "model"), "--to-store takes datasets")
    told(omega("datasets", "cp", "y", "w", "--version", "1", "--all-versions"), "give --version")


def test_objects_travel_in_an_archive(omega: Run, om: Omega) -> None:
    om.datasets.put(1, "a")
    om.datasets.put(2, "b")
    om.models.put(3, "m")
    ran(omega("export", "all.zip"))
    ran(omega("export", "some.zip", "--datasets", "a", "--all-versions"))
    found = json.loads(ran(omega("--bucket", "two", "import", "some.zip", "--json")).stdout)
    assert [record["name"] for record in found] == ["a"]
    ran(omega("--bucket", "three", "import", "all.zip"))
    assert om["three"].models.get("m") == 3
    told(omega("--bucket", "three", "import", "all.zip"), "a")
    ran(omega("--bucket", "three", "import", "all.zip", "--replace"))
    Path("no.zip").write_bytes(b"PK")
    told(omega("import", "no.zip"), "no.zip")
