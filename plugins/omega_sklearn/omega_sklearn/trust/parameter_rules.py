"""What the parameters of estimators may be, where scikit-learn acts upon them.

By the name of a parameter or an attribute: those that name a file, a module, a method or an
expression have a rule; and a function may be the value of those only whose purpose it is.
`parameter_check` holds a model to it.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Rule:
    """What a parameter may be."""

    holds: Callable[[Any], bool]
    allowed: str
    why: str


_METHODS = frozenset(
    {"auto", "predict", "predict_proba", "predict_log_proba", "decision_function", "transform"}
    # What scikit-learn 1.5 calls the method of a scorer.
    | {"default", "threshold"}
)


def _is_method(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_method, value))
    return value is None or (isinstance(value, str) and value in _METHODS)


def _is_whole(value: Any) -> bool:
    return value is None or (isinstance(value, (int, np.integer)) and not isinstance(value, bool))


def _matches(pattern: str, *, whole: bool = False) -> Callable[[Any], bool]:
    """Return a test for strings; other values pass where they are no strings at all."""

    def holds(value: Any) -> bool:
        if isinstance(value, str):
            return re.fullmatch(pattern, value) is not None
        return not whole or _is_whole(value)

    return holds


def _is_dtype(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_dtype, value))
    if isinstance(value, str):
        return re.fullmatch(r"[\w\[\]<>=|, ().:+-]*", value) is not None
    return not isinstance(value, (np.ndarray, set, frozenset, dict))


def _names_features(value: Any) -> bool:
    if not isinstance(value, str):
        return True
    try:
        fields = {field for _, field, _, _ in string.Formatter().parse(value)}
    except ValueError:
        return False
    return fields <= {None, "transformer_name", "feature_name"}


_METHOD = Rule(
    _is_method, "the name of a method that predicts or transforms", "it names what is called"
)
_TYPES_AT = ("dtype", "dtype_include", "dtype_exclude")
DTYPE = Rule(_is_dtype, "a type or its plain name", "a name can lead to a file of time zones")

RULES: dict[str, Rule] = {
    "memory": Rule(
        lambda value: value is None,
        "None",
        "a cache writes files, and unpickles those that it finds",
    ),
    "input": Rule(
        lambda value: isinstance(value, str) and value == "content",
        '"content"',
        "otherwise the data name files that are opened",
    ),
    "encoding": Rule(_matches(r"[\w-]+"), "the name of an encoding", "its module is imported"),
    "n_jobs": Rule(_is_whole, "None or a whole number", "it is not read as anything else"),
    "pre_dispatch": Rule(
        _matches(r"all|(\d{1,9} ?\* ?)?n_jobs|\d{1,9}", whole=True),
        'a number, "n_jobs", or a multiple such as "2*n_jobs"',
        "it is evaluated as an expression",
    ),
    "importance_getter": Rule(
        _matches(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*"),
        '"auto" or the names of public attributes',
        "it names what is read",
    ),
    **dict.fromkeys(("response_method", "_response_method"), _METHOD),
    **dict.fromkeys(("stack_method", "stack_method_", "chain_method", "chain_method_"), _METHOD),
    **dict.fromkeys(_TYPES_AT, DTYPE),
    "verbose_feature_names_out": Rule(
        _names_features,
        "a bool, or a format of transformer_name and feature_name alone",
        "a format reads attributes",
    ),
}
"""Parameters and attributes that are acted upon, by name."""

GRIDS = frozenset({"param_grid", "param_distributions"})
"""Parameters that set other parameters, at fit."""

KEYWORDS = frozenset(
    {"kw_args", "inv_kw_args", "fun_args", "kernel_params", "metric_params", "_kwargs"}
)
"""Arguments that are handed to a function; of the rules, those of a dtype have a meaning there."""

FUNCTIONS_AT = frozenset(
    {
        *("affinity", "analyzer", "callback", "connectivity", "feature_name_combiner"),
        *("feature_names_out", "fun", "func", "importance_getter", "init", "inverse_func"),
        *("is_data_valid", "is_model_valid", "kernel", "loss", "max_features", "metric"),
        *("oob_score", "optimizer", "pooling_func", "preprocessor", "refit", "score_func"),
        *("scoring", "strategy", "strip_accents", "tokenizer", "verbose_feature_names_out"),
        *("weights", "columns", "transformers", "transformers_", "remainder"),
        # Not parameters, and set from one: of nearest neighbours, of a scorer.
        *("effective_metric_", "_score_func"),
    }
)
"""The attributes that scikit-learn calls, and that may therefore be functions."""

_BUILTIN_TYPES = frozenset({bool, int, float, complex, str, bytes, object, list, tuple, set})

_ONE_FUNCTION_AT = {
    # They index memory by what they are given, which these attributes alone see to.
    "_kmeans_single": frozenset({"_kmeans_single_elkan", "_kmeans_single_lloyd"}),
    "_asarray": frozenset({"asarray"}),
}

ONLY_READ = frozenset({"cv_results_", "best_params_"})
"""Records of a search, which show functions and call none."""


def may_call(name: str, leaf: Any) -> bool:
    """Return whether an attribute of that name may be a trusted function or class, and call it."""
    if name in _ONE_FUNCTION_AT:
        return leaf.__name__ in _ONE_FUNCTION_AT[name]
    if isinstance(leaf, type):
        plain = leaf in _BUILTIN_TYPES or issubclass(leaf, np.generic)
        return plain and (name in FUNCTIONS_AT or name in _TYPES_AT)
    return name in FUNCTIONS_AT and leaf.__name__ not in _ONE_FUNCTION_AT["_kmeans_single"]
