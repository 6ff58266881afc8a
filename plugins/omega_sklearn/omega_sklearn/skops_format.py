"""The kind ``sklearn.skops``: an estimator that can be read without running code it carries."""

from __future__ import annotations

from typing import Any
from zipfile import ZIP_DEFLATED

import skops.io
from skops.io.exceptions import UntrustedTypesFoundException

from omega_core.errors import UnsupportedValueError, UntrustedFormatError

from . import grammar, soundness
from .estimator import EstimatorBackend
from .parts import lossy_values, unnamed_functions
from .trusted import SHIPPED, trusted_with

# Level 1 costs a fraction of level 6 and comes within a fifth of its size.
_COMPRESSION = {"compression": ZIP_DEFLATED, "compresslevel": 1}


class SkopsBackend(EstimatorBackend):
    """Stores estimators as skops files, compressed.

    What a file may make of itself is decided by the reader alone: skops' own list, the reviewed
    list of this package, and the reader's ``[security] trusted_types``. There is no other way in,
    and no fallback to pickle.

    What is written is audited before it is written, so that what cannot be read is not stored. It
    is not loaded again for comparison: that would double the time of every put.
    """

    kind = "sklearn.skops"
    extension = "skops"

    def dumps(self, model: Any, name: str) -> bytes:
        lossy = lossy_values(model)
        if lossy:
            raise UnsupportedValueError(
                f"The model {name!r} ({type(model).__name__}) holds what skops would change "
                f"silently: {'; '.join(sorted(lossy)[:5])}. Replace it by plain numbers or "
                "strings. Nothing was stored."
            )
        try:
            data: bytes = skops.io.dumps(model, **_COMPRESSION)
        except (TypeError, ValueError, RecursionError) as error:
            # skops refuses with TypeError or ValueError; a RecursionError is an object that refers
            # to itself, which its format cannot express.
            looped = isinstance(error, RecursionError)
            reason = "it refers to itself" if looped else str(error).strip().rstrip(".")
            raise UnsupportedValueError(
                f"The model {name!r} ({type(model).__name__}) cannot be stored as {self.kind}: "
                f"{reason}. Where all readers trust all writers, kind='sklearn.joblib' stores it. "
                "Nothing was stored."
            ) from error
        foreign = set(skops.io.get_untrusted_types(data=data)).difference(SHIPPED)
        if foreign:
            self._refuse_unnamed(model, name, foreign)
        own = self._trusted_types()
        unknown = foreign.difference(own)
        if unknown:
            raise UntrustedFormatError(
                f"The model {name!r} ({type(model).__name__}) {_untrusted(unknown)} "
                "Nothing was stored."
            )
        try:
            grammar.check(data, own)
        except grammar.GrammarError as error:
            raise UnsupportedValueError(
                f"The model {name!r} ({type(model).__name__}) cannot be stored as {self.kind}: it "
                f"holds {error}, which would be refused when it is read. Nothing was stored."
            ) from error
        return data

    def loads(self, data: bytes, name: str) -> Any:
        own = self._trusted_types()
        trusted = trusted_with(own)
        try:
            grammar.check(data, own)
            model = skops.io.loads(data, trusted=trusted)
            soundness.check(model)
        except (
            grammar.GrammarError,
            UntrustedTypesFoundException,
            soundness.UnsoundError,
        ) as error:
            where = f"The model {name!r} in bucket {self.model_store.bucket!r}"
            unknown = set(skops.io.get_untrusted_types(data=data)).difference(trusted)
            if unknown:
                raise UntrustedFormatError(f"{where} {_untrusted(unknown)}") from error
            raise UntrustedFormatError(
                f"{where} was not written by scikit-learn and skops: {error}. Reading or using it "
                "could do harm. Restore a version that you trust, or fit it again."
            ) from error
        return model

    def _trusted_types(self) -> tuple[str, ...]:
        return tuple(self.model_store.config.security.trusted_types)

    def _refuse_unnamed(self, model: Any, name: str, foreign: set[str]) -> None:
        unnamed = sorted(foreign & unnamed_functions(model))
        if unnamed:
            raise UnsupportedValueError(
                f"The model {name!r} ({type(model).__name__}) holds functions that cannot be found "
                f"again by their name: {', '.join(unnamed)}. Only the name of a function is "
                "stored; define it at the top of a module that readers can import, and trust it "
                "by [security] trusted_types. Nothing was stored."
            )


def _untrusted(types: set[str]) -> str:
    names = sorted(types)
    quoted = ", ".join(f'"{name}"' for name in names)
    return (
        f"holds {len(names)} type(s) or function(s) that this configuration does not trust: "
        f"{', '.join(names)}. If loading them is safe whatever their contents, add to omega.toml, "
        f"here and wherever the model is read: [security] trusted_types = [{quoted}]."
    )
