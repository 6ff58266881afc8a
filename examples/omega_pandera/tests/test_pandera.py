"""A frame that does not fit its schema is refused in words, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pandera.pandas as pa
import pytest
from pandera.errors import SchemaErrors

from omega_core import Omega
from omega_core.errors import ConfigError, UnsupportedValueError
from omega_core.testing import WrapperTests

MakeOmega = Callable[..., Omega]

SALES = pa.DataFrameSchema(
    {
        "qty": pa.Column(int, pa.Check.gt(0)),
        "id": pa.Column(str, unique=True),
        "note": pa.Column(str, nullable=True, required=False),
    },
    strict=True,
)
COERCING = pa.DataFrameSchema({"qty": pa.Column(float, coerce=True)})
WHOLE = pa.DataFrameSchema(
    {"a": pa.Column(int, pa.Check(lambda s: s.sum() < 100, name="not too much"))},
    index=pa.Index(int, pa.Check.ge(0)),
    checks=pa.Check(lambda f: f["a"] > f["a"].min() - 1, name="above the least"),
)
SERIES = pa.SeriesSchema(float, pa.Check.ge(0), name="price")


class Model(pa.DataFrameModel):
    qty: int = pa.Field(gt=0)


class NoSchema:
    """It cannot validate."""


class TestPandera(WrapperTests):
    config: ClassVar[dict[str, Any]] = {
        "plugins": {"pandera": {"schemas": {"sales/*": f"{__name__}:SALES"}}}
    }


@pytest.fixture
def requiring(make_omega: MakeOmega) -> MakeOmega:
    """Make an `Omega` with schemas: ``requiring({"sales/*": "module:SALES"})``."""
    # The tests are a module by the name that pytest gave it.
    sys.modules.setdefault("schemas_of_tests", sys.modules[__name__])

    def requiring(schemas: dict[str, str] | None = None, **settings: Any) -> Omega:
        chosen = {"sales/*": "schemas_of_tests:SALES"} if schemas is None else schemas
        return make_omega(plugins={"pandera": {"schemas": chosen, **settings}})

    return requiring


@pytest.fixture
def om(requiring: MakeOmega) -> Omega:
    return requiring()


def good(first: int = 0, rows: int = 3) -> pd.DataFrame:
    numbers = range(first, first + rows)
    return pd.DataFrame({"qty": [n + 1 for n in numbers], "id": [f"id {n}" for n in numbers]})


def bad() -> pd.DataFrame:
    return good(rows=7).assign(qty=[1, -2, -3, -4, -5, -6, -7], id=list("aabcdef"), colour="red")


# --- what fits, and what does not ----------------------------------------------------------------


def test_what_fits_is_stored_as_it_is(om: Omega) -> None:
    frame = good()
    om.datasets.put(frame, "sales/2026")
    pd.testing.assert_frame_equal(om.datasets.get("sales/2026"), frame)
    om.datasets.put(good(3), "sales/2026", append=True)
    assert len(om.datasets.get("sales/2026")) == 6


def test_what_does_not_fit_is_told_in_words_and_the_old_object_stays(om: Omega) -> None:
    om.datasets.put(good(), "sales/2026")
    frame = bad()
    with pytest.raises(UnsupportedValueError) as told:
        om.datasets.put(frame, "sales/2026")
    assert str(told.value).splitlines() == [
        "'sales/2026' does not fit the schema schemas_of_tests:SALES of 'sales/*', and nothing was "
        "stored:",
        "- the column 'colour' is not in the schema",
        "- column 'qty', greater_than(0): 6 rows, such as -2 at 1, -3 at 2, -4 at 3",
        "- column 'id', field_uniqueness: 2 rows, 'a' at 0, 'a' at 1",
        "Mend the data, or the schema. All cases are in error.__cause__.failure_cases.",
    ]
    assert isinstance(told.value.__cause__, SchemaErrors)
    assert len(told.value.__cause__.failure_cases) == 9
    pd.testing.assert_frame_equal(om.datasets.get("sales/2026"), good())
    assert om.datasets.metadata("sales/2026").version == 1
    pd.testing.assert_frame_equal(frame, bad())


@pytest.mark.parametrize(
    ("schema", "obj", "told"),
    [
        ("SALES", good()[["qty"]], "- the column 'id' is missing"),
        ("SALES", good().assign(qty="x"), r"- column 'qty', dtype\('int64'\): .*'x'"),
        ("SALES", good().assign(id=None), "- column 'id', not_nullable: 3 rows"),
        ("SALES", good().assign(qty=-1, id=["x" * 99] * 3), r"'x{50,}\.\.\. at 0"),
        ("WHOLE", pd.DataFrame({"a": [99, 2]}), "- column 'a', not too much: False"),
        ("WHOLE", pd.DataFrame({"a": [1]}, [-5]), "- the index, .*equal_to.0.: 1 row, -5 at -5"),
        ("SERIES", pd.Series([1.0, -1.0], name="price"), "- the series, .*: 1 row, -1.0 at 1"),
        ("Model", pd.DataFrame({"qty": [0]}), "- column 'qty', greater_than.0.: 1 row, 0 at 0"),
    ],
)
def test_each_check_says_where_it_failed(
    requiring: MakeOmega, schema: str, obj: Any, told: str
) -> None:
    om = requiring({"x": f"schemas_of_tests:{schema}"})
    with pytest.raises(UnsupportedValueError, match=told):
        om.datasets.put(obj, "x")
    assert om.datasets.list(hidden=True) == []


@pytest.mark.parametrize("obj", [{"qty": 1}, [{"qty": 1}], pd.Series([1]), b"bytes"], ids=repr)
def test_what_is_no_frame_is_refused_where_a_frame_is_wanted(om: Omega, obj: Any) -> None:
    with pytest.raises(UnsupportedValueError, match=r"is a .*which the schema .* is not for"):
        om.datasets.put(obj, "sales/x")
    assert om.datasets.list(hidden=True) == []


def test_a_schema_that_changes_what_it_validates_does_not_change_what_is_stored(
    requiring: MakeOmega,
) -> None:
    om = requiring({"x": "schemas_of_tests:COERCING"})
    with pytest.raises(UnsupportedValueError, match=r"only after that has changed it \(coerce"):
        om.datasets.put(pd.DataFrame({"qty": [1]}), "x")
    om.datasets.put(COERCING.validate(pd.DataFrame({"qty": [1]})), "x")
    assert om.datasets.get("x")["qty"].tolist() == [1.0]


# --- appends and pieces --------------------------------------------------------------------------


def test_an_append_that_does_not_fit_leaves_what_is_there(om: Omega) -> None:
    om.datasets.put(good(), "sales/2026")
    with pytest.raises(UnsupportedValueError, match="greater_than"):
        om.datasets.put(good(3).assign(qty=-1), "sales/2026", append=True)
    pd.testing.assert_frame_equal(om.datasets.get("sales/2026"), good())


@pytest.mark.parametrize("append", [False, True])
def test_pieces_are_looked_at_as_they_pass_and_a_bad_one_leaves_the_old_object(
    om: Omega, append: bool
) -> None:
    om.datasets.put(good(), "sales/2026")
    taken: list[int] = []

    def pieces(last: pd.DataFrame) -> Iterator[pd.DataFrame]:
        for number in range(5):
            taken.append(number)
            yield last if number == 3 else good(10 * (number + 1))

    with pytest.raises(
        UnsupportedValueError, match=r"'sales/2026', piece 4, from row 9 on does not"
    ):
        om.datasets.put(pieces(good().assign(qty=-1)), "sales/2026", append=append)
    assert taken == [0, 1, 2, 3], "nobody asks for more than the piece that does not fit"
    pd.testing.assert_frame_equal(om.datasets.get("sales/2026"), good())
    om.gc(grace=0)
    pd.testing.assert_frame_equal(om.datasets.get("sales/2026"), good())
    om.datasets.put(pieces(good(40)), "sales/2026", append=append)
    assert len(om.datasets.get("sales/2026")) == 15 + 3 * append


# --- which names ---------------------------------------------------------------------------------


def test_names_are_meant_by_patterns_and_all_that_match_count(requiring: MakeOmega) -> None:
    schemas = {"sales/*": "schemas_of_tests:SALES", "*/2026": "schemas_of_tests:Model"}
    om = requiring(schemas)
    om.datasets.put(bad(), "other")
    om.datasets.put(bad(), ".sales/x")
    om["team"].datasets.put(good(), "sales/2026")
    om.jobs.put({"x": 1}, "sales/x")
    with pytest.raises(UnsupportedValueError, match="SALES"):
        om["team"].datasets.put(bad(), "sales/2025")
    with pytest.raises(UnsupportedValueError, match="Model"):
        om.datasets.put(good().assign(qty=0), "returns/2026")


def test_temporary_values_of_the_runtime_are_nobodys_sales(requiring: MakeOmega) -> None:
    om = requiring({"*": "schemas_of_tests:SALES"})
    meta = om.datasets.put_temporary([1, 2], seconds=60)
    assert meta.name.startswith(".")
    hidden = requiring({".*": "schemas_of_tests:SALES"})
    with pytest.raises(UnsupportedValueError, match="is not for"):
        hidden.datasets.put([1], ".x")


# --- bytes ---------------------------------------------------------------------------------------


def test_bytes_do_not_arrive_unseen(requiring: MakeOmega, tmp_path: Path) -> None:
    om = requiring()
    om.datasets.put(bad(), "elsewhere")
    path = om.datasets.export("elsewhere", tmp_path / "bad.zip")
    for arrive in (
        lambda: om.datasets.copy("elsewhere", "sales/2026"),
        lambda: om.datasets.move("elsewhere", "sales/2026"),
        lambda: om.datasets.import_(path, "sales/2026"),
    ):
        with pytest.raises(UnsupportedValueError, match=r"arrives as bytes, unseen.*copies = "):
            arrive()
    assert om.datasets.list() == ["elsewhere"]
    om.datasets.copy("elsewhere", "other")
    trusting = requiring(copies="allow")
    trusting.datasets.copy("elsewhere", "sales/2026")
    assert "sales/2026" in om.datasets


# --- the configuration ---------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_schema_may_be_a_file_beside_the_configuration(
    mongo_url: str, mongo_database: str, tmp_path: Path, suffix: str
) -> None:
    file = tmp_path / "schemas" / f"sales{suffix}"
    file.parent.mkdir()
    write = SALES.to_json if suffix == ".json" else SALES.to_yaml
    file.write_text(str(write()), encoding="utf-8")
    config = tmp_path / "omega.toml"
    config.write_text(
        f'[mongo]\nurl = "{mongo_url}/{mongo_database}"\n'
        f'[plugins.pandera.schemas]\n"sales/*" = "schemas/sales{suffix}"\n',
        encoding="utf-8",
    )
    with Omega(config) as om:
        om.datasets.put(good(), "sales/2026")
        with pytest.raises(UnsupportedValueError, match="greater_than"):
            om.datasets.put(bad(), "sales/2026")
        file.write_text(str(getattr(pa.DataFrameSchema(), write.__name__)()), encoding="utf-8")
        om.datasets.put(bad(), "sales/2026")


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("schemas_of_tests:NOTHING", r"'x' = .*cannot be loaded: AttributeError"),
        ("no_such_module:X", "cannot be loaded: ModuleNotFoundError: No module named"),
        ("no/such.yaml", "cannot be loaded: FileNotFoundError"),
        ("schemas_of_tests:NoSchema", "it is a type, which cannot validate"),
        ("schemas_of_tests", "the schema of 'x' is 'schemas_of_tests'. Say 'module:NAME'"),
    ],
)
def test_what_is_no_schema_is_told_and_nothing_is_stored_unseen(
    requiring: MakeOmega, schema: str, told: str
) -> None:
    om = requiring({"x": schema})
    with pytest.raises(ConfigError, match=told):
        om.datasets.put(good(), "x")
    assert om.datasets.list(hidden=True) == []


def test_a_file_that_is_no_schema_is_told(requiring: MakeOmega, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    for text in ("[1, 2", "!!python/object/apply:os.system ['false']", "just text", ""):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match="cannot be loaded"):
            requiring({"x": str(file)}).datasets.put(good(), "x")


def test_to_declare_it_imports_no_pandera() -> None:
    code = (
        "import sys, omega_pandera; sys.exit('pandera' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
