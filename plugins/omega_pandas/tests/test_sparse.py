"""Sparse matrices come back as they were, or are refused; what was forged is no matrix."""

from __future__ import annotations

import copy
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.sparse as sp
from bson import Binary
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import omega_pandas.segments.layout
from omega_core.errors import IntegrityError, UnsupportedOptionError, UnsupportedValueError
from omega_core.testing.conformance import DataBackendTests

if TYPE_CHECKING:
    from omega_core import Omega
    from omega_core.store import OmegaStore

FORMATS = ("csr", "csc", "bsr", "coo", "dia")
CLASSES = [f"{format_}_{kind}" for format_ in FORMATS for kind in ("matrix", "array")]
DTYPES = [np.dtype(code) for code in ("?", "i1", "u8", "f4", "f8", "c8", "c16", "longdouble")]


def parts_of(matrix: Any) -> dict[str, Any]:
    """Return all that makes a matrix what it is, but for how it is printed."""
    parts = {name: value for name, value in vars(matrix).items() if name != "maxprint"}
    for axis, array in enumerate(parts.pop("coords", ())):
        parts[f"coords{axis}"] = array
    return parts


def same(one: Any, other: Any) -> bool:
    left, right = parts_of(one), parts_of(other)
    return (
        type(one) is type(other)
        and left.keys() == right.keys()
        and all(
            value.dtype == right[name].dtype
            and value.shape == right[name].shape
            and value.tobytes() == right[name].tobytes()
            if isinstance(value, np.ndarray)
            else type(value) is type(right[name]) and value == right[name]
            for name, value in left.items()
        )
    )


def odd_csr(cls: Any = sp.csr_matrix) -> Any:
    """Return one with explicit zeros, duplicates and unsorted indices."""
    data = np.array([1.0, 0.0, -0.0, np.nan, 5.0, 6.0])
    return cls((data, np.array([2, 0, 2, 2, 1, 0]), np.array([0, 3, 3, 4, 6])), shape=(4, 3))


def random(shape: tuple[int, int], density: float) -> Any:
    values = np.random.default_rng(1).random(shape)
    return sp.csr_array(np.where(values < density, values, 0))


def wide(matrix: Any) -> Any:
    """Return the matrix with indices of 64 bits, as scipy makes them of large ones."""
    matrix.indices, matrix.indptr = matrix.indices.astype("i8"), matrix.indptr.astype("i8")
    return matrix


class TestSparse(DataBackendTests):
    capabilities = ("uri", "describe")

    @pytest.fixture
    def described(self) -> dict[str, Any]:
        return {"details": {"shape": [4, 3]}}

    @pytest.fixture
    def store(self, om: Omega) -> OmegaStore:
        return om.datasets

    @pytest.fixture
    def objects(self) -> list[Any]:
        return [odd_csr(), random((20, 5), 0.3).tocsc(), wide(odd_csr())]

    def same(self, one: Any, other: Any) -> bool:
        return same(one, other)


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_comes_back_with_its_dtypes_and_flags(om: Omega, name: str) -> None:
    cls = getattr(sp, name)
    for number, dtype in enumerate(DTYPES):
        dense = (np.arange(24).reshape(4, 6) % 5 == number % 5).astype(dtype)
        matrix = cls(dense)
        before = copy.deepcopy(matrix)
        meta = om.datasets.put(matrix, "x")
        assert same(om.datasets.get("x"), matrix)
        assert same(before, matrix)
        assert (om.datasets.get("x").toarray() == dense).all()
    assert meta.kind == "scipy.sparse"
    shown = {"class": name, "shape": [4, 6], "dtype": str(dtype), "entries": len(matrix.data)}
    assert shown.items() <= meta.kind_meta.items()


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (2, 3)], ids=str)
def test_those_without_entries_come_back(om: Omega, name: str, shape: tuple[int, int]) -> None:
    matrix = getattr(sp, name)(shape, dtype="f4")
    om.datasets.put(matrix, "x")
    assert same(om.datasets.get("x"), matrix)


def test_what_scipy_found_out_comes_along_and_nothing_is_found_out_by_a_put(om: Omega) -> None:
    matrix = odd_csr()
    om.datasets.put(matrix, "x")
    assert "_has_sorted_indices" not in vars(matrix)
    assert "_has_sorted_indices" not in vars(om.datasets.get("x"))
    assert not matrix.has_sorted_indices
    assert not matrix.has_canonical_format
    om.datasets.put(matrix, "x")
    assert same(om.datasets.get("x"), matrix)
    coo = sp.coo_array(([1, 2], ([0, 0], [1, 1])), shape=(2, 2))
    om.datasets.put(coo, "x")
    assert om.datasets.get("x").has_canonical_format is False
    assert om.datasets.get("x").nnz == 2


def test_blocks_keep_their_size_and_diagonals_their_length(om: Omega) -> None:
    blocks = sp.bsr_matrix(np.kron(np.eye(3), np.ones((2, 4))), blocksize=(2, 4))
    om.datasets.put(blocks, "x")
    assert om.datasets.get("x").blocksize == (2, 4)
    diagonals = sp.dia_array((np.arange(10.0).reshape(2, 5), [7, -1]), shape=(3, 4))
    om.datasets.put(diagonals, "x")
    assert same(om.datasets.get("x"), diagonals)


def test_other_numbers_of_dimensions_come_back(om: Omega) -> None:
    try:
        matrices = [sp.coo_array(np.arange(3.0)), sp.csr_array(np.arange(3.0))]
        matrices.append(sp.coo_array(np.arange(8).reshape(2, 2, 2)))
    except (TypeError, ValueError):
        pytest.skip("this scipy has sparse arrays of two dimensions only")
    for matrix in matrices:
        om.datasets.put(matrix, "x")
        assert same(om.datasets.get("x"), matrix)
        with pytest.raises(UnsupportedOptionError, match="csr of two dimensions"):
            om.datasets.get("x", rows=(0, 1))


@pytest.mark.parametrize("name", CLASSES)
def test_a_file_at_a_uri_holds_it_too(make_omega: Any, tmp_path: Path, name: str) -> None:
    om = make_omega(uris={"allow": [f"file://{tmp_path}/"]})
    matrix = getattr(sp, name)(np.eye(4))
    om.datasets.put(matrix, "x", uri=f"file://{tmp_path}/{{key}}")
    assert same(om.datasets.get("x"), matrix)
    with pytest.raises(UnsupportedOptionError, match="at a uri"):
        om.datasets.get("x", rows=(0, 1))


@pytest.mark.parametrize("rows", [(0, 4), (1, 3), (2, 2), (3, 99), slice(-2, None)], ids=str)
def test_some_rows_of_a_csr_are_its_slice(om: Omega, rows: Any) -> None:
    for cls in (sp.csr_matrix, sp.csr_array):
        matrix = wide(odd_csr(cls))
        om.datasets.put(matrix, "x")
        part = om.datasets.get("x", rows=rows)
        asked = rows if isinstance(rows, slice) else slice(*rows)
        assert type(part) is cls
        start, stop, _ = asked.indices(4)
        low, high = matrix.indptr[start], matrix.indptr[stop]
        assert part.shape == (stop - start, 3)
        assert part.indices.tolist() == matrix.indices[low:high].tolist()
        assert part.data.tobytes() == matrix.data[low:high].tobytes()
        assert part.indptr.dtype == part.indices.dtype == np.int64
        assert "_has_sorted_indices" not in vars(part)


def test_rows_of_a_large_one_read_their_segments_only(
    om: Omega, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(omega_pandas.segments.layout, "SEGMENT_BYTES", 4096)
    matrix = random((5000, 50), 0.1)
    om.datasets.put(matrix, "x")
    assert same(om.datasets.get("x"), matrix)
    collection = om.datasets.segments
    for document in list(collection.find({}, {"_id": 1}))[:3]:
        collection.delete_one(document)
    with pytest.raises(IntegrityError, match="documents are missing"):
        om.datasets.get("x")
    assert (om.datasets.get("x", rows=(3000, 3100)) != matrix[3000:3100]).nnz == 0


def test_parts_are_stored_as_they_are_stacked(om: Omega) -> None:
    parts = [odd_csr(), sp.csr_matrix((0, 3)), odd_csr(), sp.csr_matrix(np.eye(3))]
    om.datasets.put(iter(parts), "x", kind="scipy.sparse")
    whole = om.datasets.get("x")
    stacked = sp.csr_matrix(sp.vstack(parts))
    assert (whole.shape, whole.indices.dtype) == ((11, 3), stacked.indices.dtype)
    for name in ("data", "indices", "indptr"):
        assert getattr(whole, name).tobytes() == getattr(stacked, name).tobytes()
    for start, stop in [(0, 11), (2, 9), (3, 4), (4, 4), (10, 11)]:
        part = om.datasets.get("x", rows=(start, stop))
        assert part.toarray().tobytes() == stacked[start:stop].toarray().tobytes()


@pytest.mark.parametrize(
    ("parts", "match"),
    [
        ([], "the iterator has no matrix"),
        ([odd_csr(), sp.csr_matrix((1, 4))], "of 4 columns"),
        ([odd_csr(), sp.csr_array((1, 3))], "a csr_array"),
        ([odd_csr(), sp.csr_matrix((1, 3), dtype="f4")], "float32"),
        ([sp.csc_matrix((1, 3))], "Give csr"),
        ([np.eye(3)], "not of a class of scipy.sparse itself"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(
    om: Omega, parts: list[Any], match: str
) -> None:
    with pytest.raises(UnsupportedValueError, match=match):
        om.datasets.put(iter(parts), "x", kind="scipy.sparse")
    assert not om.datasets.exists("x")


class Own(sp.csr_matrix):
    pass


def bent(**arrays: Any) -> Any:
    matrix = odd_csr()
    for name, array in arrays.items():
        setattr(matrix, name, np.asarray(array))
    return matrix


@pytest.mark.parametrize(
    ("matrix", "match"),
    [
        (sp.lil_matrix((2, 2)), r"lil_matrix is of Python objects.*Convert it: x\.tocsr\(\)"),
        (sp.dok_array((2, 2)), "dok_array is of Python objects"),
        (bent(indices=np.int32([3, 0, 2, 2, 1, 0])), "indices goes from 0 to 3, of 3"),
        (bent(indptr=np.int32([0, 3, 2, 4, 6])), "indptr does not ascend"),
        (bent(indices=np.int32([0] * 9)), r"x\.prune\(\)"),
        (bent(indices=np.int16([2, 0, 2, 2, 1, 0])), "int16"),
        (bent(data=np.ones(6, "f2")), "float16"),
        (bent(data=np.ones(6, object)), "object"),
        (bent(data=np.ones(6, ">f8")), "f8"),
        (bent(note=1), r"attribute 'note' of its own.*del x\.note"),
    ],
)
def test_what_would_not_come_back_is_refused(om: Omega, matrix: Any, match: str) -> None:
    with pytest.raises(UnsupportedValueError, match=match):
        om.datasets.put(matrix, "x")
    assert not om.datasets.exists("x")


FORGERIES: dict[str, Any] = {
    "another shape": lambda header: header.update(shape=[4, 2]),
    "a huge shape": lambda header: header.update(shape=[2**62, 3]),
    "a negative shape": lambda header: header.update(shape=[-4, 3]),
    "no shape": lambda header: header.update(shape=None),
    "another class": lambda header: header.update({"class": "coo_matrix"}),
    "no class": lambda header: header.update({"class": "os.system"}),
    "another format": lambda header: header.update({"class": "csc_matrix"}),
    "no flags": lambda header: header.update(flags=1),
    "parts": lambda header: header.pop("class"),
}
ARRAYS: dict[str, Any] = {
    "a huge array": lambda arrays: arrays[0].__setitem__(2, [2**60]),
    "a negative array": lambda arrays: arrays[0].__setitem__(2, [-6]),
    "indices for pointers": lambda arrays: arrays.reverse(),
    "no indices": lambda arrays: arrays.pop(1),
    "objects": lambda arrays: arrays[0].__setitem__(1, "|O"),
    "values for indices": lambda arrays: arrays[1].__setitem__(1, "<f4"),
}

# What is said of the whole is not looked at where only some rows are read, and these fit together.
OF_THE_WHOLE = ("another class", "no class", "parts", "another format", "a huge shape")


def forge(om: Omega, change: Any, *, of_arrays: bool) -> None:
    """Change the header of the one object that there is, as one who leaves no seal on it."""
    document = om.database.metadata.find_one({"name": "x"})
    assert document is not None
    document.pop("seal")
    (batch,) = document["kind_meta"]["batches"]
    batch.pop("seal")
    place = batch if of_arrays else document["kind_meta"]
    header = json.loads(zlib.decompress(place["header"]))
    change(header["arrays"] if of_arrays else header)
    place["header"] = Binary(zlib.compress(json.dumps(header).encode()))
    om.database.metadata.replace_one({"_id": document["_id"]}, document)


@pytest.mark.parametrize("what", [*FORGERIES, *ARRAYS])
def test_a_forged_header_is_an_error_and_never_a_crash(om: Omega, what: str) -> None:
    om.datasets.put(odd_csr(), "x")
    forge(om, {**FORGERIES, **ARRAYS}[what], of_arrays=what in ARRAYS)
    with pytest.raises(IntegrityError):
        om.datasets.get("x")
    if what not in OF_THE_WHOLE:
        with pytest.raises(IntegrityError):
            om.datasets.get("x", rows=(0, 4))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_entries_come_back_in_any_format(om: Omega, data: st.DataObject) -> None:
    height, width = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    cell = st.tuples(st.integers(0, height - 1), st.integers(0, width - 1))
    cells = data.draw(st.lists(cell, max_size=12))
    dtype = data.draw(st.sampled_from(DTYPES))
    values = np.array(data.draw(st.lists(st.integers(0, 3), min_size=12, max_size=12)))
    rows, columns = (np.array([c[axis] for c in cells], dtype=int) for axis in (0, 1))
    coo = sp.coo_array((values[: len(cells)].astype(dtype), (rows, columns)), (height, width))
    cls = getattr(sp, data.draw(st.sampled_from(CLASSES)))
    matrix = cls(coo)
    if data.draw(st.booleans()) and hasattr(matrix, "has_sorted_indices"):
        matrix.has_sorted_indices  # noqa: B018
    om.datasets.put(matrix, "x")
    assert same(om.datasets.get("x"), matrix)
