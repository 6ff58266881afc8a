"""The kind ``sklearn.skops``: an estimator that can be read without running code it carries."""

from __future__ import annotations

import pickle
from types import FunctionType
from typing import TYPE_CHECKING, Any

from skops.io.exceptions import UntrustedTypesFoundException

from omega_core.errors import StoreError, UnsupportedValueError, UntrustedFormatError

from .. import soundness
from ..trust import importable_names, parameter_check, schema_grammar
from . import roundtrip
from .comparison import describe
from .contents import contents_of
from .estimator_backend import EstimatorBackend

if TYPE_CHECKING:
    from omega_core import Metadata


class SkopsBackend(EstimatorBackend):
    """Stores estimators as skops files, compressed.

    What a file may make of itself is decided by the reader alone: skops' own list, the reviewed
    list of this package, and the reader's ``[security] trusted_types``. There is no other way in,
    and no fallback to pickle.

    What is written is read back by the same rules and compared, so that what cannot be read, or
    would be something else then, is not stored.
    """

    kind = "sklearn.skops"
    extension = "skops"

    def dumps(self, model: Any, name: str) -> bytes:
        own = self._trusted_types()
        what = f"The model {name!r} ({type(model).__name__})"
        try:
            data = roundtrip.write(model)
        except Exception as error:
            # skops, and the objects that it asks, raise what they like.
            raise _refused(model, own, what, error) from error
        try:
            roundtrip.verify(model, data, own)
        except Exception as error:
            unknown = _unknown(data, own, error)
            if unknown:
                raise _distrusted(model, data, own, unknown, what) from error
            raise _refused(model, own, what, error) from error
        return data

    def loads(self, data: bytes, name: str) -> Any:
        own = self._trusted_types()
        where = f"The model {name!r} in bucket {self.model_store.bucket!r}"
        try:
            return roundtrip.read(data, own)
        except parameter_check.ParameterError as error:
            raise UntrustedFormatError(f"{where} {error}") from error
        except Exception as error:
            # A file that nobody vouches for fails in any way there is.
            unknown = _unknown(data, own, error)
            if unknown:
                raise UntrustedFormatError(f"{where} {_to_trust(unknown)}") from error
            raise _unreadable(data, own, where, error) from error

    def contents(self, meta: Metadata) -> dict[str, Any]:
        with self.model_store.open_file(meta) as file:
            data = file.read()
        return contents_of(data, self._trusted_types())

    def _trusted_types(self) -> tuple[str, ...]:
        return tuple(self.model_store.config.security.trusted_types)


def _unknown(data: bytes, own: tuple[str, ...], error: Exception) -> list[str]:
    """Return the names that the reader would have to trust, where that is what is wrong."""
    if isinstance(error, (UntrustedTypesFoundException, schema_grammar.GrammarError)):
        try:
            return sorted(roundtrip.untrusted(data, own))
        except Exception:
            # skops cannot make sense of it either: then it is not the names.
            return []
    return []


def _distrusted(
    model: Any, data: bytes, own: tuple[str, ...], unknown: list[str], what: str
) -> UntrustedFormatError | UnsupportedValueError:
    """Return the error for names that are not trusted: trust is advised where it helps alone."""
    with_them = (*own, *unknown)
    try:
        roundtrip.verify(model, data, with_them)
    except Exception as error:
        return _refused(model, with_them, what, error)
    place = roundtrip.place_of(model, unknown[0])
    return UntrustedFormatError(
        f"{what} {_to_trust(unknown)} {unknown[0]} is at {place}. Nothing was stored."
    )


def _refused(
    model: Any, own: tuple[str, ...], what: str, error: Exception
) -> UntrustedFormatError | UnsupportedValueError:
    """Return the error for a model that would not come back, naming the part that does not."""
    if isinstance(error, parameter_check.ParameterError):
        place = roundtrip.place_of_parameter(model, own)
        return UntrustedFormatError(f"{what} {error} It is at {place}. Nothing was stored.")
    reason = str(error).strip().rstrip(".")
    if isinstance(error, roundtrip.OfMainError):
        return UnsupportedValueError(f"{what} cannot be stored: {reason}. Nothing was stored.")
    if isinstance(error, roundtrip.ChangedError):
        return UnsupportedValueError(
            f"{what} cannot be stored as sklearn.skops: {reason}. {_instead(model)}"
        )
    place, part = roundtrip.culprit(model, own)
    if isinstance(error, soundness.UndescribedError):
        return UnsupportedValueError(
            f"{what} cannot be stored as sklearn.skops: {place} is {reason}. Nothing was stored."
        )
    if isinstance(error, soundness.UnsoundError):
        return UnsupportedValueError(
            f"{what} does not fit together at {place}: {reason}. Using it could do harm. Fit it "
            "again. Nothing was stored."
        )
    if isinstance(part, FunctionType):
        reason = "only the name of a function is stored, and it cannot be found again by that"
    elif isinstance(error, RecursionError):
        reason = "it refers to itself"
    return UnsupportedValueError(
        f"{what} cannot be stored as sklearn.skops: {place} is {describe(part)}, which does not "
        f"come back ({reason}). {_instead(model)}"
    )


def _instead(model: Any) -> str:
    """Return what to do about a model that skops does not keep, as far as it helps."""
    try:
        pickle.dumps(model)
    except Exception:
        # The objects raise what they like. joblib would not store it either.
        joblib = ""
    else:
        joblib = "Where all readers trust all writers, kind='sklearn.joblib' stores it as it is. "
    return (
        "Replace it by what skops keeps: numbers, strings, arrays, lists, dicts with strings or "
        "numbers as keys, and classes and functions at the top of modules that readers can import. "
        f"{joblib}Nothing was stored."
    )


def _to_trust(unknown: list[str]) -> str:
    """Return what to do about names that are not trusted, where they can be found at all."""
    found = (
        f"holds {len(unknown)} type(s) or function(s) that this configuration does not trust: "
        f"{', '.join(unknown)}."
    )
    main, missing = importable_names.of_main(unknown), importable_names.absent(unknown)
    if main:
        return (
            f"{found} {', '.join(main)}: defined in the script or notebook that stored the model, "
            "where no other process finds it. Define it in a module that readers can import, and "
            "store the model again."
        )
    if missing:
        return (
            f"{found} {', '.join(missing)}: there is no such module here. Install the package that "
            "has it before you decide whether to trust it."
        )
    quoted = ", ".join(f'"{name}"' for name in unknown)
    return (
        f"{found} If loading them is safe whatever their contents, add to omega.toml, here and "
        f"wherever the model is read: [security] trusted_types = [{quoted}]."
    )


def _unreadable(data: bytes, own: tuple[str, ...], where: str, error: Exception) -> StoreError:
    if isinstance(error, (ImportError, AttributeError)):
        lost = importable_names.unimportable(schema_grammar.check(data, own))
        if lost:
            return StoreError(
                f"{where} holds {', '.join(lost)}, which cannot be found here: its module is gone, "
                "or has no such name any more. Install the version of the package that it was "
                "stored with, or define it in a module again; then get the model, and store it "
                "anew where the name has changed."
            )
    if isinstance(error, soundness.UndescribedError):
        return UntrustedFormatError(f"{where} holds {error}.")
    return UntrustedFormatError(
        f"{where} was not written by scikit-learn and skops: {error}. Reading or using it could do "
        "harm. Restore a version that you trust, or fit it again."
    )
