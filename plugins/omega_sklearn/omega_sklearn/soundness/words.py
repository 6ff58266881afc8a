"""Vectorizers: which column each term gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer

from .columns import check_vocabulary


def check_terms(vectorizer: Any) -> None:
    """Check that each term has a column."""
    check_vocabulary(type(vectorizer).__name__, vars(vectorizer).get("vocabulary_"))


CHECKS: tuple[tuple[type | tuple[type, ...], Callable[[Any], None]], ...] = (
    ((CountVectorizer, DictVectorizer), check_terms),
)
