"""What the attributes of a stored estimator say opens no file, and calls nothing."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.cluster import OPTICS, AgglomerativeClustering, FeatureAgglomeration
from sklearn.cluster import _kmeans as kmeans
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, StackingClassifier
from sklearn.experimental import (  # noqa: F401  (scikit-learn hides these without)
    enable_halving_search_cv,
    enable_iterative_imputer,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import RFE, SelectKBest, mutual_info_classif
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neighbors import KDTree, KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.utils import Bunch, all_estimators

from omega_core import Omega
from omega_core.errors import UntrustedFormatError
from omega_sklearn.trust.parameter_rules import FUNCTIONS_AT, RULES
from omega_sklearn.trust.reviewed_parameters import REVIEWED
from omega_sklearn.trust.trusted_types import SHIPPED

MakeOmega = Callable[..., Omega]
Forge = Callable[..., None]


@pytest.fixture(scope="module")
def om(mongo_url: str) -> Iterator[Omega]:
    """One store for all of these tests: a fresh database for each would take most of the time."""
    with Omega({"mongo": {"url": f"{mongo_url}/parameters"}}) as omega:
        yield omega


CACHE = "/nowhere/cache"
PIPE = make_pipeline(StandardScaler())
ZONE = "datetime64[ns, dateutil//nowhere/zone]"


def _with(model: Any, **attributes: Any) -> Any:
    """Return a model with attributes that no constructor would set."""
    model.__dict__.update(attributes)
    return model


REFUSED: dict[str, tuple[Any, str]] = {
    # Files that are written, and unpickled.
    "memory of a pipeline": (Pipeline(PIPE.steps, memory=CACHE), "memory"),
    "memory within": (
        make_pipeline(ColumnTransformer([("p", Pipeline(PIPE.steps, memory=CACHE), [0])])),
        "memory",
    ),
    "memory of clusters": (AgglomerativeClustering(memory=CACHE), "memory"),
    "memory of features": (FeatureAgglomeration(memory=CACHE), "memory"),
    "memory of optics": (OPTICS(memory=CACHE), "memory"),
    "memory by a grid": (GridSearchCV(PIPE, {"memory": [CACHE]}), "memory"),
    "memory by a list of grids": (GridSearchCV(PIPE, [{}, {"a__b__memory": (CACHE,)}]), "memory"),
    "memory by an array": (GridSearchCV(PIPE, {"memory": np.array([CACHE])}), "memory"),
    "memory by a draw": (RandomizedSearchCV(PIPE, {"memory": [CACHE]}), "memory"),
    "memory by a draw of letters": (RandomizedSearchCV(PIPE, {"memory": "/"}), "memory"),
    "memory by a grid of grids": (
        GridSearchCV(GridSearchCV(PIPE, {}), {"param_grid": [{"memory": [CACHE]}]}),
        "memory",
    ),
    "grids in an array": (
        _with(GridSearchCV(PIPE, {}), param_grid=np.array([{"memory": [CACHE]}], dtype=object)),
        "param_grid",
    ),
    "memory by an ensemble": (
        _with(BaggingClassifier(PIPE), estimator_params=("memory",), memory=CACHE),
        "memory",
    ),
    "memory by an ensemble, nested": (
        _with(BaggingClassifier(PIPE), estimator_params=("a__memory",), a__memory=CACHE),
        "a__memory",
    ),
    # Files that the data name.
    "input of counts": (CountVectorizer(input="filename"), "input"),
    "input of weights": (TfidfVectorizer(input="file"), "input"),
    "input of hashes": (make_pipeline(HashingVectorizer(input="filename")), "input"),
    "input by a grid": (
        GridSearchCV(make_pipeline(CountVectorizer()), {"countvectorizer__input": ["filename"]}),
        "input",
    ),
    "files of time zones": (make_column_selector(dtype_include=[ZONE]), "dtype_include"),
    "files of time zones by a keyword": (
        FunctionTransformer(np.clip, kw_args={"dtype": ZONE}),
        "kw_args",
    ),
    # Text that is evaluated, imported, or names what is called.
    "an expression": (GridSearchCV(PIPE, {}, pre_dispatch="__import__('os')"), "pre_dispatch"),
    "an expression by a grid": (
        GridSearchCV(GridSearchCV(PIPE, {}), {"pre_dispatch": ["9**9**9"]}),
        "pre_dispatch",
    ),
    "jobs": (RandomForestClassifier(n_jobs="loky"), "n_jobs"),
    "an encoding": (CountVectorizer(encoding="../module"), "encoding"),
    "a format": (
        ColumnTransformer([], verbose_feature_names_out="{feature_name.__class__}"),
        "verbose_feature_names_out",
    ),
    "an importance": (RFE(LogisticRegression(), importance_getter="__init__"), "importance_getter"),
    "a method": (StackingClassifier([], stack_method="tofile"), "stack_method"),
    "a method of a fitted stack": (
        _with(
            StackingClassifier([]),
            estimators_=[np.array(["text"])],
            stack_method_=["tofile"],
            final_estimator_=LogisticRegression(),
        ),
        "stack_method_",
    ),
    "a method of a scorer": (
        _with(make_scorer(f1_score), _response_method="set_params"),
        "_response_method",
    ),
    # Functions and classes where none belongs.
    "a class as a function": (FunctionTransformer(KDTree), "func"),
    "a function that indexes memory": (
        FunctionTransformer(functools.partial(kmeans._kmeans_single_lloyd, None)),
        "func",
    ),
    "a function as a keyword": (
        KNeighborsClassifier(metric="pyfunc", metric_params={"func": np.sum}),
        "metric_params",
    ),
    "a function in fitted state": (
        _with(LogisticRegression(), classes_=np.array([np.sum, None], dtype=object)),
        "classes_",
    ),
    "a function in place of an estimator": (
        make_pipeline(Bunch(fit=np.sum, transform=np.sum), LogisticRegression()),
        "Bunch|steps",
    ),
    # Attributes in front of what the class has.
    "in front of a method": (_with(LogisticRegression(), predict="text"), "predict"),
    "in front of a class's data": (_with(SGDClassifier(), loss_functions={}), "loss_functions"),
    "a special method": (_with(LogisticRegression(), __deepcopy__=None), "__deepcopy__"),
}
"""Estimators that would act on what they were stored with, and the attribute that says so."""


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_acted_upon_is_neither_stored_nor_read(
    om: Omega, forge: Forge, case: str
) -> None:
    model, attribute = REFUSED[case]
    if om.models.exists("m"):
        om.models.drop("m")
    with pytest.raises(UntrustedFormatError, match=attribute) as caught:
        om.models.put(make_pipeline(model), "m")
    assert "It is at model.steps[0][1]" in str(caught.value)
    assert "Nothing was stored" in str(caught.value)
    assert not om.models.exists("m")
    forge(om, skops.io.dumps(make_pipeline(model)), "m")
    with pytest.raises(UntrustedFormatError, match=attribute):
        om.models.get("m")


ALLOWED: dict[str, Any] = {
    "no memory by a grid": GridSearchCV(PIPE, {"memory": [None]}),
    "estimators by a grid": GridSearchCV(PIPE, {"standardscaler": ["passthrough", PIPE]}),
    "functions by a grid": GridSearchCV(FunctionTransformer(), {"func": [np.log1p, np.sqrt]}),
    "jobs": RandomForestClassifier(n_jobs=-1),
    "dispatch": GridSearchCV(PIPE, {}, pre_dispatch="2 * n_jobs"),
    "a method": make_scorer(f1_score, response_method=["decision_function", "predict"]),
    "an importance": RFE(LogisticRegression(), importance_getter="best_estimator_.coef_"),
    "a format": ColumnTransformer(
        [], verbose_feature_names_out="{feature_name}__{transformer_name}"
    ),
    "types": make_column_selector(dtype_include=["number", np.number, "datetime64[ns]", object]),
    "a function with arguments": SelectKBest(functools.partial(mutual_info_classif, n_neighbors=2)),
    "an encoding": CountVectorizer(encoding="iso-8859-15", dtype=np.float32),
    "any words": CountVectorizer(vocabulary={"memory": 0, "input": 1, "func": 2, "__init__": 3}),
    "an output": StandardScaler().set_output(transform="default"),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_is_not_acted_upon_is_stored_and_read(om: Omega, case: str) -> None:
    om.models.put(make_pipeline(ALLOWED[case]), "m")
    assert type(om.models.get("m").steps[0][1]) is type(ALLOWED[case])


def test_a_cache_is_neither_written_nor_unpickled(om: Omega, forge: Forge, tmp_path: Path) -> None:
    x, y = np.array([[1.0], [2.0], [3.0]]), [0, 1, 1]
    om.datasets.put(x.tolist(), "x")
    om.datasets.put(y, "y")
    steps = [("scale", StandardScaler()), ("model", LogisticRegression())]
    forge(om, skops.io.dumps(Pipeline(steps, memory=str(tmp_path / "cache"))), "m")
    with pytest.raises(UntrustedFormatError, match="memory"):
        om.runtime.model("m").fit("x", "y").get()
    assert list(tmp_path.iterdir()) == []
    # The payload is live: whoever trusted it would write there.
    Pipeline(steps, memory=str(tmp_path / "cache")).fit(x, y)
    assert list(tmp_path.iterdir()) != []


def test_data_do_not_name_files(om: Omega, forge: Forge, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a word of ours")
    om.datasets.put([str(secret)], "paths")
    model = CountVectorizer(input="filename").fit([str(secret)])
    assert "ours" in model.vocabulary_  # that is what it would do
    forge(om, skops.io.dumps(model), "m")
    with pytest.raises(UntrustedFormatError, match="input"):
        om.runtime.model("m").transform("paths").get()


class Cached(Pipeline):
    """A pipeline of a user, as other packages have theirs."""


class Reader(CountVectorizer):
    """A vectorizer of a user, with a parameter of its own."""

    def __init__(self, memory: str = "", input: str = "content") -> None:
        super().__init__(input=input)
        self.memory = memory


def test_a_trusted_class_is_held_to_what_it_inherits_and_to_nothing_else(
    make_omega: MakeOmega, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType(__name__)
    module.__dict__.update({"Cached": Cached, "Reader": Reader})
    monkeypatch.setitem(sys.modules, __name__, module)
    names = [f"{__name__}.Cached", f"{__name__}.Reader"]
    om = make_omega(security={"trusted_types": names})
    with pytest.raises(UntrustedFormatError, match=r"Cached\(memory="):
        om.models.put(Cached(PIPE.steps, memory=CACHE), "m")
    with pytest.raises(UntrustedFormatError, match=r"Reader\(input="):
        om.models.put(Reader(input="file"), "m")
    om.models.put(Reader(memory="what it likes"), "m")
    assert om.models.get("m").memory == "what it likes"


def kernel(a: Any, b: Any) -> Any:
    return a @ b.T


def test_a_kernel_of_one_s_own_is_stored_with_what_it_compares_to(
    make_omega: MakeOmega, monkeypatch: pytest.MonkeyPatch
) -> None:
    # scikit-learn keeps the rows of the fit under a name that is private to a class of its own.
    module = types.ModuleType(__name__)
    module.__dict__.update({"kernel": kernel})
    monkeypatch.setitem(sys.modules, __name__, module)
    om = make_omega(security={"trusted_types": [f"{__name__}.kernel"]})
    X = np.arange(12.0).reshape(6, 2)
    model = SVC(kernel=kernel).fit(X, [0, 0, 0, 1, 1, 1])
    om.models.put(model, "m")
    assert om.models.get("m").predict(X).tolist() == model.predict(X).tolist()


# --- the list -----------------------------------------------------------------------------------


def _classes() -> dict[str, type]:
    """Return every class with attributes that a stored model may hold by default."""
    found = dict(all_estimators())
    for name in SHIPPED:
        module, _, attribute = name.rpartition(".")
        if module.startswith("sklearn."):
            # The list is of several releases, and no release has all of it.
            try:
                part = getattr(importlib.import_module(module), attribute)
            except (ImportError, AttributeError):
                continue
            if isinstance(part, type):
                assert found.get(part.__name__, part) is part
                found[part.__name__] = part
    return found


def _parameters(cls: type) -> set[str]:
    try:
        signature = inspect.signature(cls)
    except ValueError:
        return set()  # compiled, and without attributes
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = {p.name for p in signature.parameters.values() if p.kind not in kinds}
    return named | set(getattr(cls, "_parameter_constraints", {})) & set(named)


def test_every_parameter_of_scikit_learn_was_looked_at() -> None:
    classes = _classes()
    assert len(classes) > 250
    unseen = {
        f"{name}.{parameter}"
        for name, cls in classes.items()
        for parameter in _parameters(cls) - REVIEWED.get(name, frozenset())
    }
    assert not unseen, (
        f"Read what scikit-learn does with {sorted(unseen)}: add them to reviewed_parameters in "
        "omega_sklearn.trust, and a rule to its parameter_rules for those that name a file, a "
        "module, a method, or an expression."
    )


def _admits(cls: type, parameter: str) -> set[str]:
    """Return which kinds of free text and of callables scikit-learn admits for a parameter."""
    constraints = getattr(cls, "_parameter_constraints", {}).get(parameter, [])
    if isinstance(constraints, str):
        return {constraints}
    return {
        "text" if one is str else "callable" for one in constraints if one is str or one is callable
    }


FREE_TEXT = {
    # A label, or a key of a table of scikit-learn's own.
    *("constant", "outlier_label", "pos_label", "metric", "refit", "scoring"),
    # A regular expression, a text between two others, a name of a parameter that takes a number,
    # and a multiple of a mean.
    *("token_pattern", "separator", "resource", "threshold"),
}
"""Parameters that may be any text, which is looked up, compared, or kept."""


def test_what_may_be_any_text_or_a_function_has_a_rule() -> None:
    for name, cls in _classes().items():
        for parameter in _parameters(cls):
            admits = _admits(cls, parameter)
            if "text" in admits:
                assert parameter in RULES or parameter in FREE_TEXT, (
                    name,
                    parameter,
                )
            if "callable" in admits:
                assert parameter in FUNCTIONS_AT, (name, parameter)


def test_a_parameter_that_nobody_has_looked_at_has_its_default(
    om: Omega, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = REVIEWED["LogisticRegression"] - {"C"}
    monkeypatch.setitem(REVIEWED, "LogisticRegression", seen)
    om.models.put(LogisticRegression(), "m")
    assert om.models.get("m").C == 1.0
    with pytest.raises(UntrustedFormatError, match=r"LogisticRegression\(C=2\).*at its default"):
        om.models.put(LogisticRegression(C=2), "m")
