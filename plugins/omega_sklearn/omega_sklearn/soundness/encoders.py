"""Encoders that write sparse columns: which column each category, label or term gets."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import MultiLabelBinarizer, OneHotEncoder

from .descriptions import Checks, is_integer, require


def check_one_hot(encoder: Any) -> None:
    """Check that each category has a column of its own feature."""
    own = vars(encoder)
    if "categories_" not in own:
        return
    what = type(encoder).__name__
    for categories in own["categories_"]:
        # Numbers are looked up by bisection, which ends past the last where they are not sorted.
        require(
            type(categories) is np.ndarray
            and categories.ndim == 1
            and (
                categories.dtype.kind in "OUS"
                or np.array_equal(np.sort(categories), categories, equal_nan=True)
            ),
            f"the categories of a {what} are not in order",
        )
    counts = [len(categories) for categories in own["categories_"]]
    outs = own["_n_features_outs"]
    require(
        isinstance(outs, list) and len(outs) == len(counts) and all(map(is_integer, outs)),
        f"the columns of a {what} do not match its categories",
    )
    if own["_infrequent_enabled"]:
        mappings, infrequent = own["_default_to_infrequent_mappings"], own["_infrequent_indices"]
        require(len(mappings) == len(infrequent) == len(counts), f"the groups of a {what}")
        for feature, mapping in enumerate(mappings):
            if mapping is None:
                continue
            require(
                type(mapping) is np.ndarray
                and mapping.dtype.kind in "iu"
                and mapping.shape == (counts[feature],)
                and mapping.min() >= 0,
                f"the groups of a {what} do not match its categories",
            )
            counts[feature] = int(mapping.max()) + 1
    dropped = own["_drop_idx_after_grouping"]
    require(dropped is None or np.shape(dropped) == (len(counts),), f"what a {what} drops")
    for feature, count in enumerate(counts):
        drop = None if dropped is None else dropped[feature]
        require(
            drop is None or (is_integer(drop) and 0 <= drop < count),
            f"a {what} drops a category that it does not have",
        )
        require(
            outs[feature] == count - (drop is not None),
            f"the columns of a {what} do not match its categories",
        )


def check_labels(binarizer: Any) -> None:
    """Check that each label has a column."""
    _check_vocabulary(binarizer, "_cached_dict")


def check_terms(vectorizer: Any) -> None:
    """Check that each term has a column."""
    _check_vocabulary(vectorizer, "vocabulary_")


def _check_vocabulary(encoder: Any, attribute: str) -> None:
    """Check that a dict numbers its keys."""
    vocabulary = vars(encoder).get(attribute)
    require(
        vocabulary is None
        or (
            # A dict with a default would number unseen keys as it likes.
            type(vocabulary) is dict
            and all(map(is_integer, vocabulary.values()))
            and sorted(vocabulary.values()) == list(range(len(vocabulary)))
        ),
        f"the vocabulary of a {type(encoder).__name__} does not number its terms",
    )


CHECKS: Checks = (
    (OneHotEncoder, check_one_hot),
    (MultiLabelBinarizer, check_labels),
    ((CountVectorizer, DictVectorizer), check_terms),
)
