"""The dtype that a description stands for: as pandas prints it, and where two of them differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..values.numpy_dtypes import decode_dtype
from ..values.tagged_json import decode_offset, decode_value
from ..values.timezones import decode_timezone
from ..values.unfaithful import type_name
from .header_arrays import Parts, array_bits, mapped_references
from .index import decode_index
from .pandas_dtypes import string_dtype

Json = Any


def resolved(spec: Json, sides: list[str]) -> Json:
    """Put what a description refers to in the place of the reference, for comparison: its bits.

    Not its values: NaN differs from itself, and there are moments that Python does not know.
    """
    parts = Parts(sides=sides)
    return mapped_references(spec, lambda reference: array_bits(parts.fetch(reference)))


def is_same(left: Json, right: Json) -> bool:
    """Return whether two descriptions are equal in their types as well: 1, 1.0 and True are not."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(is_same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(is_same, left, right))
    # Of zeros, the sign.
    return bool(left == right) and (type(left) is not float or repr(left) == repr(right))


def printed(spec: Json) -> str:
    """Return the dtype of a described array as pandas prints it."""
    match spec["dtype"]:
        case "numpy":
            return str(decode_dtype(spec["numpy"]))
        case "masked":
            return str(spec["name"])
        case "string":
            return str(string_dtype(spec))
        case "arrow":
            return f"{spec['type']}[pyarrow]"
        case "zoned":
            return str(pd.DatetimeTZDtype(spec["unit"], decode_timezone(spec["tz"])))
        case "period":
            return str(pd.PeriodDtype(decode_offset(spec["freq"])))
        case "interval":
            return f"interval[{printed(spec['sides'][0])}, {spec['closed']}]"
        case "sparse":
            fill = decode_value(spec["fill"])
            return str(pd.SparseDtype(decode_dtype(spec["values"]["numpy"]), fill))
        case name:
            return str(name)


def difference(new: Json, new_sides: list[str], old: Json, old_sides: list[str]) -> str:
    """Return in which parameters two described dtypes differ, or an empty string."""
    if new["dtype"] != old["dtype"]:
        return ""
    ours, theirs = _parameters(new, new_sides), _parameters(old, old_sides)
    told = []
    for name, (mine, *texts) in ours.items():
        stored, *others = theirs[name]
        if not is_same(mine, stored):
            pairs = zip(texts, others, strict=True)
            shown = (f"{name} {text}, not {other}" for text, other in pairs if text != other)
            told.append(next(shown, f"other {name}"))
    return "; ".join(told)


def _parameters(spec: Json, sides: list[str]) -> dict[str, tuple[Any, ...]]:
    """Return the parameters of a dtype by their names: what is compared, and texts that show it.

    Of the texts, each tells more than the one before: what prints alike may be of two classes.
    """
    match spec["dtype"]:
        case "string":
            missing = "nan" if spec["missing"] == "nan" else "<NA>"
            return {"storage": _plain(spec["storage"]), "NA value": _plain(missing)}
        case "zoned":
            zone = decode_timezone(spec["tz"])
            kind = f"{type(zone).__module__}.{type(zone).__qualname__}"
            shown = (spec["tz"], str(zone), f"{zone} ({kind})", repr(zone))
            return {"unit": _plain(spec["unit"]), "time zone": shown}
        case "period":
            freq = decode_offset(spec["freq"])
            return {"freq": (spec["freq"], printed(spec)[len("period[") : -1], repr(freq))}
        case "interval":
            side = spec["sides"][0]
            within = _parameters(side, sides)
            return {"subtype": _plain(printed(side)), **within, "closed": _plain(spec["closed"])}
        case "sparse":
            fill = decode_value(spec["fill"])
            return {
                "subtype": _plain(printed(spec["values"])),
                "fill value": (spec["fill"], str(fill), f"{fill!r} ({type_name(fill)})"),
                "kind": _plain(spec["kind"]),
            }
        case "category":
            categories = decode_index(spec["categories"], Parts(sides=sides))
            labels = _some(categories)
            return {
                "ordered": _plain(spec["ordered"]),
                "categories": (
                    resolved(spec["categories"], sides),
                    labels,
                    f"{labels} of {categories.dtype}",
                ),
            }
    return {}


def _plain(value: Any) -> tuple[Any, ...]:
    return value, str(value)


def _some(categories: Any) -> str:
    labels = [repr(label.item() if isinstance(label, np.generic) else label)
              for label in categories[:5]]  # fmt: skip
    return f"[{', '.join(labels)}{', ...' if len(categories) > 5 else ''}]"
