"""Reading a model runs no code that it carries, and builds nothing that the reader distrusts."""

from __future__ import annotations

import enum
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from omega_core import Omega
from omega_core.errors import UnsupportedValueError, UntrustedFormatError

MakeOmega = Callable[..., Omega]
Forge = Callable[..., None]

X = np.random.RandomState(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


class Doubler(TransformerMixin, BaseEstimator):
    """An estimator of a user."""

    def fit(self, X: Any, y: Any = None) -> Doubler:
        self.factor_ = 2
        return self

    def transform(self, X: Any) -> Any:
        return np.asarray(X) * self.factor_


class Trigger:
    """Leaves a file where its state says, as soon as anything restores that state."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, str]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, str]) -> None:
        Path(state["path"]).touch()


class Bomb(ClassifierMixin, BaseEstimator):
    """Looks like an estimator, and leaves a file when it is unpickled."""

    def __init__(self, path: str = "") -> None:
        self.path = path

    def fit(self, X: Any, y: Any = None) -> Bomb:
        return self

    def __reduce__(self) -> Any:
        return (Path.touch, (Path(self.path),))


def schema(node: dict[str, Any]) -> bytes:
    """Return a skops file with this root."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps([]))) as archive:
        genuine = json.loads(archive.read("schema.json"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        root = {**node, "protocol": genuine["protocol"], "_skops_version": skops.__version__}
        archive.writestr("schema.json", json.dumps(root))
    return buffer.getvalue()


def _refused_at_put(om: Omega, model: Any) -> None:
    with pytest.raises(UnsupportedValueError, match="does not fit together at model"):
        om.models.put(model, "m")
    assert not om.models.exists("m")


def type_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


# --- the user's own types -----------------------------------------------------------------------


def test_an_unknown_type_is_refused_with_its_name_and_the_remedy(om: Omega) -> None:
    with pytest.raises(UntrustedFormatError) as caught:
        om.models.put(Doubler().fit(X), "doubler")
    message = str(caught.value)
    assert "'doubler'" in message
    assert f'[security] trusted_types = ["{type_name(Doubler)}"]' in message
    assert "Nothing was stored" in message
    assert not om.models.exists("doubler")


def test_a_refused_put_leaves_the_object_before_it(om: Omega) -> None:
    om.models.put(LogisticRegression(C=3), "m")
    with pytest.raises(UntrustedFormatError):
        om.models.put(Doubler(), "m")
    assert om.models.get("m").C == 3


def test_a_type_that_the_configuration_trusts_is_stored_and_read(
    make_omega: MakeOmega, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, Doubler.__module__, _module())
    trusting = make_omega(security={"trusted_types": [type_name(Doubler)]})
    trusting.models.put(Doubler().fit(X), "doubler")
    np.testing.assert_array_equal(trusting.models.get("doubler").transform(X), X * 2)


def test_trust_is_the_readers_and_not_the_writers(
    make_omega: MakeOmega, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, Doubler.__module__, _module())
    make_omega(security={"trusted_types": [type_name(Doubler)]}).models.put(Doubler(), "doubler")
    with pytest.raises(UntrustedFormatError, match=r"'doubler' in bucket 'default'.*Doubler"):
        make_omega().models.get("doubler")


# --- what is no estimator, or cannot be named ---------------------------------------------------


def test_a_lambda_is_refused_because_only_names_are_stored(om: Omega) -> None:
    with pytest.raises(
        UnsupportedValueError, match=r"model\.func is .*<lambda>.*cannot be found again"
    ):
        om.models.put(FunctionTransformer(lambda x: x), "f")
    assert not om.models.exists("f")


def test_a_function_within_a_function_is_refused_even_if_its_name_is_trusted(
    make_omega: MakeOmega,
) -> None:
    def halve(x: Any) -> Any:
        return x / 2

    om = make_omega(security={"trusted_types": [f"{__name__}.halve"]})
    with pytest.raises(UnsupportedValueError, match="halve"):
        om.models.put(FunctionTransformer(halve), "f")


def test_a_function_that_could_do_harm_is_not_trusted(om: Omega) -> None:
    with pytest.raises(UntrustedFormatError, match=r"numpy\.load"):
        om.models.put(FunctionTransformer(np.load), "f")
    with pytest.raises(UntrustedFormatError, match=r"builtins\.eval"):
        om.models.put(FunctionTransformer(eval), "f")


def test_a_class_is_refused_and_an_instance_suggested(om: Omega) -> None:
    with pytest.raises(UnsupportedValueError, match=r"is a class.*LogisticRegression\(\)"):
        om.models.put(LogisticRegression, "c", kind="sklearn.skops")
    assert not om.models.exists("c")


def test_what_has_no_fit_is_no_estimator(om: Omega) -> None:
    with pytest.raises(UnsupportedValueError, match="list has no fit"):
        om.models.put([1, 2], "c", kind="sklearn.skops")


@pytest.mark.parametrize("weights", [{True: 1, False: 2}, {None: 1}, {1: 2, "1": 3}])
def test_a_dict_that_json_would_change_is_refused(om: Omega, weights: Any) -> None:
    with pytest.raises(UnsupportedValueError, match=r"model\.class_weight is a dict with the keys"):
        om.models.put(LogisticRegression(class_weight=weights), "m")
    assert not om.models.exists("m")


class Strength(enum.IntEnum):
    WEAK = 1


def test_an_enumeration_that_would_become_a_number_is_refused(om: Omega) -> None:
    with pytest.raises(UnsupportedValueError, match=r"model\.C is <Strength\.WEAK: 1>"):
        om.models.put(LogisticRegression(C=Strength.WEAK), "m")


def test_keys_that_are_numbers_come_back_as_numbers(om: Omega) -> None:
    om.models.put(LogisticRegression(class_weight={0: 1.0, 1: 2.5}), "m")
    assert om.models.get("m").class_weight == {0: 1.0, 1: 2.5}


# --- joblib -------------------------------------------------------------------------------------


def test_joblib_is_refused_at_put_where_pickle_is_not_allowed(om: Omega) -> None:
    with pytest.raises(UntrustedFormatError, match=r"pickle = \"allow\""):
        om.models.put(LogisticRegression(), "m", kind="sklearn.joblib")
    assert not om.models.exists("m")


def test_joblib_works_where_pickle_is_allowed_and_only_there(make_omega: MakeOmega) -> None:
    allowing = make_omega(security={"pickle": "allow"})
    meta = allowing.models.put(LogisticRegression(C=7).fit(X, Y), "m", kind="sklearn.joblib")
    assert meta.kind == "sklearn.joblib"
    assert allowing.models.get("m").C == 7
    with pytest.raises(UntrustedFormatError):
        make_omega().models.get("m")


def test_joblib_is_never_chosen_by_itself(make_omega: MakeOmega) -> None:
    allowing = make_omega(security={"pickle": "allow", "trusted_types": []})
    assert allowing.models.put(LogisticRegression(), "m").kind == "sklearn.skops"
    with pytest.raises(UntrustedFormatError, match="Doubler"):
        allowing.models.put(Doubler(), "d")


# --- payloads that were made to do harm ---------------------------------------------------------


def test_a_pickle_in_the_store_is_not_opened(
    make_omega: MakeOmega, tmp_path: Path, forge: Forge
) -> None:
    trace = tmp_path / "executed"
    buffer = io.BytesIO()
    joblib.dump(Bomb(str(trace)), buffer)
    forge(make_omega(), buffer.getvalue(), "bomb", claim="sklearn.joblib")
    with pytest.raises(UntrustedFormatError):
        make_omega().models.get("bomb")
    assert not trace.exists()
    # The payload is live: where the configuration permits pickle, it does go off.
    make_omega(security={"pickle": "allow"}).models.get("bomb")
    assert trace.exists()


def test_a_pickle_under_the_safe_kind_is_not_unpickled(
    make_omega: MakeOmega, tmp_path: Path, forge: Forge
) -> None:
    trace = tmp_path / "executed"
    buffer = io.BytesIO()
    joblib.dump(Bomb(str(trace)), buffer)
    om = make_omega(security={"pickle": "allow"})
    forge(om, buffer.getvalue(), "bomb")
    with pytest.raises(UntrustedFormatError, match="not written by scikit-learn and skops"):
        om.models.get("bomb")
    assert not trace.exists()


def test_a_type_inside_a_payload_is_not_built(om: Omega, tmp_path: Path, forge: Forge) -> None:
    trace = tmp_path / "executed"
    model = LogisticRegression()
    model.payload_ = Trigger(str(trace))
    forge(om, skops.io.dumps(model), "bomb")
    with pytest.raises(UntrustedFormatError, match="Trigger"):
        om.models.get("bomb")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("loader", "module", "name"),
    [
        ("ConstructorFromReduceNode", "os", "system"),
        ("ConstructorFromReduceNode", "builtins", "eval"),
        ("ConstructorFromReduceNode", "subprocess", "Popen"),
        ("ConstructorFromReduceNode", "sklearn.pipeline", "Pipeline"),
        ("ConstructorFromReduceNode", "numpy", "load"),
        ("ObjectNode", "joblib.memory", "Memory"),
    ],
)
def test_a_payload_cannot_call_what_is_not_trusted(
    om: Omega, tmp_path: Path, loader: str, module: str, name: str, forge: Forge
) -> None:
    trace = tmp_path / "executed"
    argument = {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(f"touch {trace}"),
    }
    arguments = {
        "__class__": "tuple",
        "__module__": "builtins",
        "__loader__": "TupleNode",
        "content": [argument],
    }
    node = {"__class__": name, "__module__": module, "__loader__": loader, "content": arguments}
    forge(om, schema(node), "bomb")
    with pytest.raises(UntrustedFormatError, match=rf"{module}\.{name}"):
        om.models.get("bomb")
    assert not trace.exists()


def _node(loader: str, cls: str, **fields: Any) -> dict[str, Any]:
    module, _, name = cls.rpartition(".")
    return {"__loader__": loader, "__module__": module, "__class__": name, **fields}


def _text(value: str, **fields: Any) -> dict[str, Any]:
    return _node("JsonNode", "builtins.str", content=json.dumps(value), **fields)


def _dict(kind: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    kinds = _node("ListNode", "builtins.list", content=[kind])
    return _node("DictNode", "builtins.dict", key_types=kinds, content={"key": value})


def _dict_of(key: str, value: str) -> dict[str, Any]:
    kinds = _node("ListNode", "builtins.list", content=[_node("TypeNode", "builtins.str")])
    return _node("DictNode", "builtins.dict", key_types=kinds, content={key: _text(value)})


_MEAN = "numpy.mean"
_STRING = "builtins.str"


@pytest.mark.parametrize(
    "root",
    [
        _node(
            "ConstructorFromReduceNode",
            "sklearn.neighbors._kd_tree.KDTree",
            content=_node("TupleNode", "builtins.tuple", content=[_text("x")]),
        ),
        _node("ListNode", "scipy.sparse._csr.csr_matrix", content=[]),
        _node("ObjectNode", "scipy.sparse._csr.csr_matrix", content=_dict_of("indices", "x")),
        _node("SetNode", _MEAN, content=[]),
        _dict(_node("FunctionNode", _MEAN), _text("x")),
        _dict(_node("TypeNode", "sklearn.tree._tree.Tree"), _text("x")),
        # The type of the keys has the id of the function, which skops would build in its place.
        _node(
            "ListNode",
            "builtins.list",
            content=[
                _node("FunctionNode", _MEAN, __id__=7),
                _dict(_node("TypeNode", _STRING, __id__=7), _text("x")),
            ],
        ),
    ],
    ids=["constructor", "list", "bare object", "set", "key function", "key type", "borrowed id"],
)
def test_a_trusted_name_cannot_be_called_by_a_payload(
    om: Omega, root: dict[str, Any], forge: Forge
) -> None:
    forge(om, schema(root), "bomb")
    with pytest.raises(UntrustedFormatError, match="not written by scikit-learn and skops"):
        om.models.get("bomb")


def test_the_grammar_lets_through_what_skops_writes(om: Omega, forge: Forge) -> None:
    root = _node(
        "ListNode",
        "builtins.list",
        content=[
            _node("FunctionNode", _MEAN, __id__=7),
            _dict(_node("TypeNode", _STRING, __id__=8), _text("x")),
        ],
    )
    forge(om, schema(root), "plain")
    assert om.models.get("plain") == [np.mean, {"key": "x"}]


def test_an_ancient_protocol_is_refused(om: Omega, forge: Forge) -> None:
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps([]))) as archive:
        root = json.loads(archive.read("schema.json"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", json.dumps({**root, "protocol": 0}))
    forge(om, buffer.getvalue(), "old")
    with pytest.raises(UntrustedFormatError, match="protocol 0"):
        om.models.get("old")


def _module() -> Any:
    """Return a module by which this file's classes are found, as a user's package would be.

    pytest imports test modules without registering all of them for import by name.
    """
    import types

    module = types.ModuleType(Doubler.__module__)
    module.__dict__.update({"Doubler": Doubler})
    return module
