"""A model comes back as it was put, to the bottom, or is refused with the place that would not."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import functools
import re
import subprocess
import sys
import textwrap
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from omega_core import Omega
from omega_core.errors import StoreError, UnsupportedValueError, UntrustedFormatError
from omega_sklearn.formats import roundtrip
from omega_sklearn.formats.comparison import difference
from omega_sklearn.trust.schema_grammar import GrammarError

MakeOmega = Callable[..., Omega]
Forge = Callable[..., None]

MODULE = "a_package_of_ours"


class Items(list[Any]):
    """A list with attributes."""


class Table(dict[str, Any]):
    """A dict with attributes."""


class Grid(np.ndarray[Any, Any]):
    """An array with attributes."""


class Color(enum.Enum):
    RED = 1


class Text(str):
    """A string of a kind."""


class Slots:
    """Keeps its state in slots."""

    __slots__ = ("value",)


class Plain:
    """Keeps its state in attributes."""

    def method(self) -> None:
        """Do nothing."""


class Forgetful:
    """Keeps back a part of its state."""

    def __getstate__(self) -> dict[str, Any]:
        return {"kept": self.kept}  # type: ignore[attr-defined]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.kept = state["kept"] + 1


class Mine(BaseEstimator):
    """An estimator of a user."""

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def fit(self, X: Any, y: Any = None) -> Mine:
        return self


OURS = (Items, Table, Grid, Color, Text, Slots, Plain, Forgetful, Mine)


@pytest.fixture(scope="module")
def om(mongo_url: str) -> Iterator[Omega]:
    """One store for most of these tests: a fresh database for each would take most of the time."""
    with Omega({"mongo": {"url": f"{mongo_url}/faithful"}}) as omega:
        yield omega


@pytest.fixture(scope="module")
def trusting(mongo_url: str) -> Iterator[Omega]:
    """The same store for a reader who trusts whatever this file puts there."""
    configuration = {
        "mongo": {"url": f"{mongo_url}/faithful"},
        "security": {"trusted_types": TRUSTED},
    }
    with Omega(configuration) as omega:
        yield omega


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Return a module that can be imported, with the classes of this file."""
    found = types.ModuleType(MODULE)
    for cls in OURS:
        monkeypatch.setattr(cls, "__module__", MODULE)
        setattr(found, cls.__name__, cls)
    monkeypatch.setattr(Plain.method, "__module__", MODULE)
    monkeypatch.setitem(sys.modules, MODULE, found)
    return found


def _made(cls: Any, *arguments: Any, **attributes: Any) -> Any:
    made = cls(*arguments)
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def _cells(rows: list[list[Any]]) -> Any:
    """Return an array whose cells are these, also where they are lists."""
    cells = np.empty((len(rows), len(rows[0])), dtype=object)
    for place in np.ndindex(cells.shape):
        cells[place] = rows[place[0]][place[1]]
    return cells


SHARED = [1]

TRUSTED = [
    *(f"{MODULE}.{cls.__name__}" for cls in OURS),
    f"{MODULE}.Plain.method",
    *(
        "collections.deque",
        "collections.Counter",
        "datetime.datetime",
        "decimal.Decimal",
        "re.Pattern",
    ),
    *("builtins.method_descriptor", "builtins.range", "builtins.complex", "builtins.ellipsis"),
    *("pandas._libs.missing.NAType", "pandas._libs.tslibs.timestamps.Timestamp"),
    *("pandas.Timestamp", "pandas.NaT", "pandas._libs.tslibs.nattype.NaTType"),
]

LOST: dict[str, Callable[[], Any]] = {
    "a deque": lambda: collections.deque([1, 2]),
    "a deque of a length": lambda: collections.deque([1, 2], maxlen=3),
    "an array of a subclass": lambda: np.arange(3.0).view(Grid),
    "attributes of a list": lambda: _made(Items, [1], note="kept"),
    "attributes of a dict": lambda: _made(Table, {"a": 1}, note="kept"),
    "a member of an enumeration": lambda: Color.RED,
    "a string of a kind": lambda: Text("text"),
    "a method of str": lambda: str.lower,
    "a pattern": lambda: re.compile("a+"),
    "state that is not given away": lambda: _made(Forgetful, kept=1),
    "slots": lambda: _made(Slots, value=1),
    "a key that is a tuple": lambda: {(1, 2): 3},
    "a key that is a bool": lambda: {True: 1},
    "a key that is None": lambda: {None: 1},
    "a key and its own text": lambda: {1: 1, "1": 2},
    "lists in an array": lambda: _cells([[[1, 2], [3, 4]]]),
    "metadata of a dtype": lambda: np.dtype("f8", metadata={"unit": "m"}),
    "a sparse matrix of lists": lambda: scipy.sparse.lil_matrix((2, 2)),
    "a property": lambda: {"a": property(), "b": 1},
    "a named tuple": lambda: collections.namedtuple("Point", "x y")(1, 2),
    "a local function": lambda: lambda: None,
    "a lock": threading.Lock,
    "a generator": lambda: (n for n in []),
    "a default for missing keys": lambda: collections.defaultdict(list, {1: [2]}),
}
"""Values that skops would lose or change, or could not read back, even where they are trusted."""


@pytest.mark.filterwarnings("ignore")  # of numpy about the metadata, of Python about the file
@pytest.mark.parametrize("case", LOST)
def test_what_does_not_come_back_is_refused_with_its_place(
    trusting: Omega, module: Any, case: str
) -> None:
    om = trusting
    om.models.put(LogisticRegression(C=3), "m")
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.steps[1][1].extra_ = [0, {"here": LOST[case]()}]
    with pytest.raises(UnsupportedValueError) as caught:
        om.models.put(model, "m")
    assert "model.steps[1][1].extra_[1]['here']" in str(caught.value)
    assert "Nothing was stored" in str(caught.value)
    assert om.models.get("m").C == 3


KEPT: dict[str, Callable[[], Any]] = {
    "numbers": lambda: [0, -1, 2**70, 0.1, -0.0, float("nan"), float("inf"), True, None],
    "texts": lambda: ["", "\ud800", "\x00", "é", b"\x00\xff", bytearray(b"x")],
    "keys": lambda: {1: "a", 2.5: "b", "c": 3, np.int64(4): 5, np.str_("d"): 6},
    "containers": lambda: [
        (),
        (1, [2]),
        {1, "a"},
        frozenset({2}),
        {},
        {"a": {}},
        slice(1, None, 2),
    ],
    "dicts of a kind": lambda: [collections.OrderedDict(b=1, a=2), collections.Counter("aab")],
    "scalars": lambda: [np.float32(0.1), np.int8(3), np.bool_(True), np.datetime64("2020", "D")],
    "arrays": lambda: [np.arange(6).reshape(2, 3), np.asfortranarray(np.eye(3)), np.array(3.0)],
    "bits": lambda: np.array([0x7FF8_0000_0000_0001, 0xFFF8_0000_0000_0002], "u8").view("f8"),
    "dtypes": lambda: [np.arange(3, dtype=">i2"), np.array(["a"], "U3"), np.array([b"a"], "S3")],
    "records": lambda: np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "empty arrays": lambda: [np.empty((0, 3)), np.empty((2, 0), object), np.array([], "S0")],
    "objects in arrays": lambda: np.array([[1, "a"], [None, (2, 3)]], dtype=object),
    "masked arrays": lambda: np.ma.array([1.0, 2.0], mask=[True, False]),
    "sparse": lambda: [
        scipy.sparse.random(5, 5, 0.5, f"{layout}", random_state=0)
        for layout in ("csr", "csc", "coo", "bsr", "dia")
    ],
    "wide indices": lambda: scipy.sparse.csr_array(
        (np.ones(1), np.zeros(1, np.int64), np.array([0, 1], np.int64)), (1, 2)
    ),
    "random states": lambda: [np.random.RandomState(3), np.random.default_rng(3)],
    "functions": lambda: [functools.partial(np.clip, a_min=0), np.log1p, np.mean],
    "one object twice": lambda: [SHARED, SHARED, {"a": SHARED}],
    "a view": lambda: np.arange(10.0)[::2],
    "types": lambda: [np.float64, int, object],
    "an object": lambda: _made(Plain, a=[1], b=_made(Plain)),
    "a bound method": lambda: _made(Plain, a=1).method,
}
"""Values that come back."""


@pytest.mark.parametrize("case", KEPT)
def test_what_comes_back_is_stored(trusting: Omega, module: Any, case: str) -> None:
    model = Mine(KEPT[case]())
    trusting.models.put(model, "m")
    assert difference(model, trusting.models.get("m")) is None


# --- the comparison itself ----------------------------------------------------------------------

ATOMS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.binary(max_size=3)
)
ARRAYS = npst.arrays(
    st.one_of(npst.scalar_dtypes(), npst.array_dtypes(max_size=2)),
    npst.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=2),
)
VALUES = st.recursive(
    st.one_of(ATOMS, ARRAYS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.text(max_size=2), st.integers(), st.booleans()), inner),
    ),
    max_leaves=5,
)


@pytest.mark.filterwarnings("ignore")  # of numpy about names of fields that are not ASCII
@settings(max_examples=60, deadline=None)
@given(value=VALUES)
def test_what_is_stored_comes_back_by_another_measure(value: Any) -> None:
    model = LogisticRegression()
    model.extra_ = value
    try:
        data = roundtrip.write(model)
        roundtrip.verify(model, data, ())
    except (
        roundtrip.ChangedError,
        GrammarError,
        TypeError,
        ValueError,
        AttributeError,
    ):
        return
    _assert_same(value, roundtrip.read(data, ()).extra_)


def _assert_same(one: Any, other: Any) -> None:
    """Compare plain values by other means than `difference` does."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tolist() == other.tolist() or repr(one.tolist()) == repr(other.tolist())
    elif isinstance(one, dict):
        assert [(type(key), key) for key in one] == [(type(key), key) for key in other]
        for key in one:
            _assert_same(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            _assert_same(a, b)
    else:
        assert repr(one) == repr(other)


DIFFERENT: dict[str, tuple[Any, Any, str]] = {
    "a type": ([1], [True], "model[0]"),
    "a sign of zero": (0.0, -0.0, "model"),
    "a bit of a NaN": (KEPT["bits"](), KEPT["bits"]()[::-1].copy(), "model"),
    "an order of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "model"),
    "an order in memory": (np.asfortranarray(np.eye(2)), np.eye(2), "model"),
    "a byte order": (np.arange(3, dtype=">i4"), np.arange(3, dtype="<i4"), "model"),
    "a member of a set": ({1, 2}, {1, 2.0}, "model"),
    "a mask": (np.ma.array([1], mask=[True]), np.ma.array([1]), "model.mask"),
    "a filling": (np.ma.array([1], fill_value=7), np.ma.array([1]), "model.fill_value"),
    "an attribute": (_made(Plain, a=1), _made(Plain, a=2), "model.a"),
    "a slot": (_made(Slots, value=1), _made(Slots, value=2), "model.value"),
    "an attribute of a list": (_made(Items, [1], a=1), _made(Items, [1], a=2), "model.a"),
    "an item of a deque": (collections.deque([1]), collections.deque([2]), "model[0]"),
    "a maximum": (
        collections.deque(maxlen=1),
        collections.deque(maxlen=2),
        "model.__reduce__()[1][1]",
    ),
    "an argument": (functools.partial(int, 1), functools.partial(int, 2), "model.args[0]"),
    "a random state": (
        np.random.RandomState(1),
        np.random.RandomState(2),
        "model.get_state()['state']['key']",
    ),
    "a value of a sparse matrix": (
        scipy.sparse.eye(2, format="csr"),
        scipy.sparse.eye(2, format="csr") * 2,
        "model.data",
    ),
    "a place in a sparse matrix": (
        scipy.sparse.csr_array(np.array([[0, 1.0]])),
        scipy.sparse.csr_array(np.array([[1.0, 0]])),
        "model",
    ),
    "one that became two": ([SHARED, SHARED], [[1], [1]], "model[1]"),
    "two that became one": ([[1], [1]], [SHARED, SHARED], "model[1]"),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_a_difference_is_found_where_it_is(case: str) -> None:
    one, other, place = DIFFERENT[case]
    found = difference(one, other)
    assert found is not None
    assert found.path == place
    assert difference(one, one) is None


def test_a_loop_is_compared_once() -> None:
    one, other = Plain(), Plain()
    one.me, other.me = one, other  # type: ignore[attr-defined]
    assert difference(one, other) is None
    other.me = Plain()  # type: ignore[attr-defined]
    assert difference(one, other) is not None


# --- what is advised ----------------------------------------------------------------------------


def test_trust_is_advised_where_it_helps(make_omega: MakeOmega, module: Any) -> None:
    value = [decimal.Decimal("1.5"), datetime.datetime(2020, 1, 2), range(3)]
    with pytest.raises(UntrustedFormatError) as caught:
        make_omega().models.put(Mine(value), "m")
    advice = re.search(r"trusted_types = \[(.*)\]", str(caught.value))
    assert advice is not None
    om = make_omega(security={"trusted_types": re.findall('"([^"]*)"', advice[1])})
    om.models.put(Mine(value), "m")
    assert om.models.get("m").value == value


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", LOST)
def test_trust_is_not_advised_where_it_does_not_help(om: Omega, module: Any, case: str) -> None:
    model = StandardScaler()
    model.extra_ = LOST[case]()
    with pytest.raises(UnsupportedValueError) as caught:
        om.models.put(model, "m")
    assert "trusted_types = [" not in str(caught.value)


def test_joblib_is_advised_where_it_helps(om: Omega) -> None:
    model = StandardScaler()
    model.extra_ = {1: 1, "1": 2}
    with pytest.raises(UnsupportedValueError, match=r"kind='sklearn\.joblib'"):
        om.models.put(model, "m")
    model.extra_ = [model.extra_, threading.Lock()]
    with pytest.raises(UnsupportedValueError) as caught:
        om.models.put(model, "m")
    assert "joblib" not in str(caught.value)


def test_pandas_values_are_refused_with_their_place(om: Omega) -> None:
    pandas = pytest.importorskip("pandas")
    for value in (pandas.NA, pandas.Timestamp("2020")):
        model = StandardScaler()
        model.extra_ = value
        # NA of pandas 2.2 is first of all a type that nobody trusts.
        refused = (UnsupportedValueError, UntrustedFormatError)
        with pytest.raises(refused, match=r"model\.extra_ is|is at model\.extra_"):
            om.models.put(model, "m")


def test_trust_in_a_method_names_its_class(om: Omega, module: Any) -> None:
    names = [f"{MODULE}.{name}" for name in ("Mine", "Plain", "Plain.method")]
    with pytest.raises(UntrustedFormatError) as caught:
        om.models.put(Mine(Plain().method), "m")
    assert str(names).replace("'", '"') in str(caught.value)


def test_the_place_of_what_is_not_trusted_is_named(om: Omega, module: Any) -> None:
    with pytest.raises(UntrustedFormatError, match=rf"{MODULE}.Plain is at model.steps\[0\]\[1\]"):
        om.models.put(make_pipeline(_made(StandardScaler, extra_=Plain())), "m")


def test_a_class_of_a_script_is_refused(tmp_path: Path, mongo_url: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        from sklearn.base import BaseEstimator
        from omega_core import Omega

        class Notebook(BaseEstimator):
            def fit(self, X, y=None): return self

        for trusted in [], ["__main__.Notebook"]:
            om = Omega({{"mongo": {{"url": "{mongo_url}/script"}},
                        "security": {{"trusted_types": trusted}}}})
            try:
                om.models.put(Notebook(), "m")
            except Exception as error:
                print(type(error).__name__, error)
            print(om.models.exists("m"))
        """)
    )
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert run.stdout.count("UnsupportedValueError") == 2
    assert run.stdout.count("model is __main__.Notebook") == 2
    assert run.stdout.count("Define it in a module that readers can import") == 2
    assert "joblib" not in run.stdout  # which stores names, too
    assert "True" not in run.stdout


def test_a_class_whose_module_is_gone_is_named_at_get(
    make_omega: MakeOmega, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    om = make_omega(security={"trusted_types": TRUSTED})
    om.models.put(make_pipeline(Mine(3)), "m")
    monkeypatch.delattr(module, "Mine")
    with pytest.raises(StoreError, match=rf"{MODULE}\.Mine, which cannot be found here.*Install"):
        om.models.get("m")
    monkeypatch.delitem(sys.modules, MODULE)
    with pytest.raises(StoreError, match=rf"{MODULE}\.Mine, which cannot be found here.*Install"):
        om.models.get("m")
    with pytest.raises(UntrustedFormatError, match=r"there is no such module here") as caught:
        make_omega().models.get("m")
    assert "trusted_types = [" not in str(caught.value)


def test_a_class_of_another_script_is_named_at_get(
    make_omega: MakeOmega, forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mine, "__module__", "__main__")
    payload = skops.io.dumps(Mine(3))
    forge(make_omega(), payload, "m")
    with pytest.raises(UntrustedFormatError, match=r"__main__\.Mine.*store the model again"):
        make_omega().models.get("m")
    trusting = make_omega(security={"trusted_types": ["__main__.Mine"]})
    with pytest.raises(StoreError, match=r"__main__\.Mine, which cannot be found here"):
        trusting.models.get("m")


def test_asking_about_a_name_imports_nothing(
    make_omega: MakeOmega, forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "harmful"
    package.mkdir()
    for file in ("__init__.py", "inner.py"):
        (package / file).write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(Mine, "__module__", "harmful.inner")
    forge(make_omega(), skops.io.dumps(Mine(3)), "m")
    with pytest.raises(UntrustedFormatError, match=r'trusted_types = \["harmful\.inner\.Mine"\]'):
        make_omega().models.get("m")
    assert "harmful" not in sys.modules


def test_a_fit_that_could_not_be_read_leaves_the_version_before(
    make_omega: MakeOmega, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    om = make_omega(security={"trusted_types": TRUSTED})
    om.datasets.put([[1.0], [2.0]], "x")
    om.models.put(Mine(3), "m")

    def fit(self: Mine, X: Any, y: Any = None) -> Mine:
        self.seen_ = collections.deque(X)
        return self

    monkeypatch.setattr(Mine, "fit", fit)
    with pytest.raises(UnsupportedValueError, match=r"model\.seen_ is"):
        om.runtime.model("m").fit("x").get()
    assert om.models.metadata("m").version == 1
    assert om.models.get("m").value == 3


def test_a_function_transformer_keeps_its_functions(om: Omega) -> None:
    om.models.put(FunctionTransformer(np.log1p, inverse_func=np.expm1), "m")
    again = om.models.get("m")
    assert again.func is np.log1p
    assert again.inverse_func is np.expm1
