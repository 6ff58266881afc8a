"""A model is asked about the columns that it was fitted on, whatever its backend looks at."""

from __future__ import annotations

from typing import Any

import pytest

from omega_core import Omega, check_columns
from omega_core.errors import ColumnMismatchError

pandas = pytest.importorskip("pandas")
numpy = pytest.importorskip("numpy")
pytestmark = pytest.mark.needs_plugins("pandas")

Backend = Any


def frame(*labels: Any) -> Any:
    """Return a frame with these columns, each of which holds the number of its place."""
    made = pandas.DataFrame([range(len(labels))] * 4)
    made.columns = pandas.Index(labels, dtype=object)
    return made


@pytest.fixture
def fitted(om: Omega) -> Omega:
    """The model ``m``, fitted on the columns a, b, c."""
    om.datasets.put(frame("a", "b", "c"), "abc")
    om.models.perform("fit", "m", "abc")
    return om


WAYS: list[dict[str, Any]] = [{}, {"chunksize": 2}, {"lazy": True}, {"as_": "arrow"}]

OTHERS = [
    (("a", "b"), r"missing: 'c'\."),
    (("a", "b", "c", "d"), r"extra: 'd'\."),
    (("a", "b", "d"), "missing: 'c'; extra: 'd'"),
    (("a", "b", "c", "c"), r"extra: 'c'\."),
    (("c", "b", "a"), "the same columns in another order; at fit it was 'a', 'b', 'c'"),
]


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize(("labels", "text"), OTHERS)
@pytest.mark.parametrize("action", ["predict", "partial_fit"])
def test_other_columns_are_refused_however_they_are_read(
    fitted: Omega, labels: tuple[str, ...], text: str, options: dict[str, Any], action: str
) -> None:
    if len(set(labels)) < len(labels) and options:
        pytest.skip("duplicates are read as a frame")
    fitted.datasets.put(frame(*labels), "other")
    before = fitted.models.metadata("m")
    with pytest.raises(ColumnMismatchError, match=text) as caught:
        fitted.models.perform(action, "m", "other", **options)
    assert "dataset 'other'" in str(caught.value)
    assert "model 'm'" in str(caught.value)
    assert fitted.models.metadata("m") == before


def test_a_fit_anew_takes_any_columns(fitted: Omega) -> None:
    fitted.datasets.put(frame("x"), "x")
    assert fitted.models.perform("fit", "m", "x").lineage["X"]["columns"] == ["x"]
    with pytest.raises(ColumnMismatchError):
        fitted.models.perform("predict", "m", "abc")
    assert fitted.models.perform("predict", "m", "abc", version=2) == [12.0, 12.0]


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_who_goes_by_names_gets_the_order_of_the_fit(
    fitted: Omega, backend: Backend, options: dict[str, Any]
) -> None:
    backend.columns_by_name = True
    fitted.datasets.put(frame("c", "a", "b"), "cab")

    def act(self: Any, model: str, X: str) -> Any:
        value = self.data_store.get(X, **options)
        value = next(value) if "chunksize" in options else value
        table = value.to_pandas() if hasattr(value, "to_pandas") else value
        return [[*table.columns], table.iloc[0].tolist()]

    backend.meanwhile = staticmethod(act)
    assert fitted.models.perform("script", "m", "cab") == [["a", "b", "c"], [1, 2, 0]]
    fitted.datasets.put(frame("c", "a"), "ca")
    with pytest.raises(ColumnMismatchError, match=r"missing: 'b'\."):
        fitted.models.perform("script", "m", "ca")


def test_an_iterator_is_compared_before_its_rows_are_seen(fitted: Omega, backend: Backend) -> None:
    fitted.datasets.put(frame("a", "b"), "ab")
    seen: list[Any] = []

    def act(self: Any, model: str, X: str) -> Any:
        seen.extend(self.data_store.get(X, chunksize=1))

    backend.meanwhile = staticmethod(act)
    with pytest.raises(ColumnMismatchError):
        fitted.models.perform("script", "m", "ab")
    assert seen == []


def test_columns_that_the_backend_chooses_are_its_own_affair(
    fitted: Omega, backend: Backend
) -> None:
    fitted.datasets.put(frame("d", "b", "a"), "dba")
    assert fitted.models.perform("predict", "m", "dba", columns=["a"]) == [12.0, 8.0]


def test_a_wrapper_may_read_what_it_wants(fitted: Omega) -> None:
    from omega_core import hookimpl

    class Watch:
        @hookimpl(wrapper=True)
        def predict(self, store: Any, Xname: str) -> Any:
            assert list(store.stores["data/"].get(Xname, columns=["a"]).columns) == ["a"]
            return (yield)

    fitted.plugins.manager.register(Watch())
    assert fitted.models.perform("predict", "m", "abc") == [12.0, 12.0]


def test_a_wrapper_of_get_mends_the_columns_before_they_are_compared(fitted: Omega) -> None:
    from omega_core import hookimpl

    class Mend:
        @hookimpl(wrapper=True)
        def get(self, name: str) -> Any:
            value = yield
            return value[["a", "b", "c"]] if name == "cba" else value

    fitted.plugins.manager.register(Mend())
    fitted.datasets.put(frame("c", "b", "a"), "cba")
    assert fitted.models.perform("predict", "m", "cba") == [12.0, 12.0]


@pytest.mark.parametrize(
    ("fit", "asked"),
    [((1, 2), ("1", "2")), ((0, 1), (False, True)), ((("a", 1),), (("a", "1"),))],
)
def test_labels_of_other_types_are_other_labels(
    om: Omega, fit: tuple[Any, ...], asked: tuple[Any, ...]
) -> None:
    om.runtime.model("m").fit(frame(*fit)).get()
    assert om.runtime.model("m").predict(frame(*fit)).get()
    with pytest.raises(ColumnMismatchError, match=r"missing: .*; extra: "):
        om.runtime.model("m").predict(frame(*asked)).get()


def test_duplicates_are_compared_by_their_number_and_order(om: Omega, backend: Backend) -> None:
    backend.columns_by_name = True
    om.datasets.put(frame("a", "a", "b"), "aab")
    om.models.perform("fit", "m", "aab")
    assert om.models.perform("predict", "m", "aab")
    om.datasets.put(frame("b", "a", "a"), "baa")
    with pytest.raises(ColumnMismatchError, match="another order"):
        om.models.perform("predict", "m", "baa")


def test_labels_of_older_records_are_text(om: Omega, backend: Backend) -> None:
    record = {"action": "fit", "X": {"name": "X", "columns": ["0", "1"]}, "Y": None}
    om.models.put(backend.Model(1.0), "m", attributes={"lineage": record})
    om.datasets.put(frame(0, 1), "numbered")
    assert om.models.perform("predict", "m", "numbered")
    om.datasets.put(frame(1, 0), "turned")
    with pytest.raises(ColumnMismatchError, match="another order"):
        om.models.perform("predict", "m", "turned")


@pytest.mark.parametrize(
    "lineage", ["mine", {"X": 1}, {"action": "fit", "X": {"columns": "abc"}}, {"action": "fit"}]
)
def test_what_is_no_record_hinders_nobody(om: Omega, backend: Backend, lineage: Any) -> None:
    om.models.put(backend.Model(1.0), "m", attributes={"lineage": lineage})
    assert om.models.perform("predict", "m", "X") == [1.0, 3.0]
    assert om.models.perform("partial_fit", "m", "X").lineage["action"] == "partial_fit"


def test_thousands_of_columns_fit_into_the_record(om: Omega, backend: Backend) -> None:
    backend.columns_by_name = True
    labels = [f"column number {i}" for i in range(3_000)]
    wide = pandas.DataFrame([[1.0] * len(labels)], columns=labels)
    om.datasets.put(wide, "wide")
    meta = om.models.perform("fit", "m", "wide")
    assert meta.lineage["X"]["columns"] == labels
    assert labels[-1] in om.models.lineage("m").to_json()
    known = meta.attributes["lineage"]["X"]
    assert (known["columns"], known["dtypes"], known["width"]) == (None, None, 3_000)
    assert len(known["packed"]) < 30_000
    assert "1 row, 3,000 columns" in str(om.models.lineage("m"))
    om.datasets.put(wide[labels[::-1]], "turned")
    assert om.models.perform("predict", "m", "turned") == [3_000.0, 3_000.0]
    om.datasets.put(wide.drop(columns=labels[7]), "narrow")
    with pytest.raises(ColumnMismatchError, match=r"missing: 'column number 7'\."):
        om.models.perform("predict", "m", "narrow")
    meta = om.models.metadata("m")
    meta.attributes["lineage"]["X"]["packed"] = b"forged"
    meta.save()
    assert om.models.perform("predict", "m", "narrow")


def test_what_is_no_frame_is_not_compared(fitted: Omega) -> None:
    assert fitted.models.perform("predict", "m", "X") == [12.0, 3.0]


def test_the_check_is_there_for_backends_as_well() -> None:
    names: dict[str, str] = {"dataset": "d", "model": "m"}
    value = frame("a", "b")
    assert check_columns(value, ["a", "b"], **names) is value
    assert check_columns(value, numpy.array(["a", "b"], dtype=object), **names) is value
    assert check_columns([1], ["a", "b"], **names) == [1]
    assert check_columns(value, None, **names) is value
    assert [*check_columns(value, ["b", "a"], by_name=True, **names).columns] == ["b", "a"]
    with pytest.raises(ColumnMismatchError, match=r"dataset 'd' .* model 'm'.*extra: 'b'"):
        check_columns(value, ["a"], **names)


def test_that_columns_were_not_compared_is_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    class Table:
        shape = (2, 2)

        @property
        def columns(self) -> list[str]:
            raise OSError("the table is gone")

    table = Table()
    assert check_columns(table, ["a", "b"], dataset="X", model="m") is table
    assert "The columns of a Table cannot be told, and are not checked" in caplog.text
    assert "the table is gone" in caplog.text
