"""``lightgbm.model``: the trees as LightGBM writes them, and what it knows besides as JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from lightgbm import Booster, LGBMClassifier, LGBMRanker, LGBMRegressor
from sklearn.preprocessing import LabelEncoder

from omega_core import BaseModelBackend, Metadata, check_columns
from omega_core.errors import StoreError, UnsupportedValueError
from omega_core.shapes import CHECKSUM, fields, mapping, one_of

CLASSES = {c.__name__: c for c in (Booster, LGBMClassifier, LGBMRanker, LGBMRegressor)}
PARTS = dict.fromkeys(("booster", "params", "state"), mapping())
SHAPE = fields({"format": one_of(1), "class": one_of(*CLASSES)}, PARTS)
MADE_ANEW = {"_Booster", "_classes", "_class_map", "_eval_at", "_le", "_other_params"}


class LightGBMBackend(BaseModelBackend):
    columns_by_name = True
    extension = "txt"

    def supports(self, obj: Any, name: str, **kwargs: Any) -> bool:
        return type(obj) in CLASSES.values()  # nobody knows what a subclass has besides

    def put(
        self, obj: Any, name: str, attributes: Any = None, uri: str | None = None, **kwargs: Any
    ) -> Metadata:
        if not self.supports(obj, name):
            raise UnsupportedValueError(f"{name!r} is none of {', '.join(CLASSES)}, but {obj!r}.")
        booster, kept = obj if isinstance(obj, Booster) else obj._Booster, {}
        if booster is not obj:
            params = obj.get_params()
            state = {k: v for k, v in vars(obj).items() if k not in {*params, *MADE_ANEW}}
            if (classes := getattr(obj, "_classes", None)) is not None:
                state |= {"classes": classes.tolist(), "dtype": classes.dtype.str}
            kept = {"params": _json(params, name), "state": _json(state, name)}
        if booster is not None:
            own = {k: [*v] if isinstance(v, tuple) else v for k, v in booster.params.items()}
            known = ("best_iteration", "best_score", "pandas_categorical")
            kept["booster"] = _json({k: getattr(booster, k) for k in known} | {"params": own}, name)
        meta = self.model_store.make_metadata(name, "lightgbm.model", attributes=attributes)
        meta.kind_meta = {"format": 1, "class": type(obj).__name__, **kept}
        with self.model_store.create_file(meta, self.extension, uri=uri) as file:
            if booster is not None:  # all its trees, not only those up to the best iteration
                file.write(booster.model_to_string(num_iteration=-1).encode())
        return meta.save()

    def misshapen(self, meta: Metadata) -> str | None:
        return SHAPE(meta.kind_meta, "kind_meta") or CHECKSUM(meta.integrity, "integrity")

    def get(self, name: str, **kwargs: Any) -> Any:
        meta: Any = self.model_store.metadata(name)
        # Read as a whole, and so checked, before LightGBM sees it: damage would end the process.
        with self.model_store.open_file(meta) as file:
            text = file.read().decode()
        if booster := Booster(model_str=text) if text else None:
            vars(booster).update(meta.kind_meta["booster"])
        if meta.kind_meta["class"] == "Booster":
            return booster
        params, state = (_from_json(meta.kind_meta[part]) for part in ("params", "state"))
        model: Any = CLASSES[meta.kind_meta["class"]](**params)
        if "classes" in state:
            classes = np.array(state.pop("classes"), dtype=state.pop("dtype"))
            state |= {"_classes": classes, "_le": LabelEncoder().fit(classes)}
        vars(model).update(state, _Booster=booster)
        return model

    # The parameters of an action are those of `BaseModelBackend`; its options go to LightGBM.

    def fit(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Metadata:
        model, data = self._read("fit", modelname, Xname, *args)
        kwargs.pop("pure_python", None)
        model.fit(*data, init_model=None, **kwargs)
        return self.model_store.put(model, modelname)

    def predict(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return self._ask("predict", modelname, Xname, *args, **kwargs)

    def predict_proba(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return self._ask("predict_proba", modelname, Xname, *args, **kwargs)

    def score(self, modelname: str, Xname: str, *args: Any, **kwargs: Any) -> Any:
        return self._ask("score", modelname, Xname, *args, **kwargs)

    def _ask(self, action: str, modelname: str, *names: Any, **kwargs: Any) -> Any:
        rName, plain = kwargs.pop("rName", None), kwargs.pop("pure_python", True)
        model, (X, *Y) = self._read(action, modelname, *names)
        meta, booster = self.model_store.metadata(modelname), getattr(model, "_Booster", model)
        if booster is None:
            raise StoreError(f"The model {modelname!r} is not fitted. Fit it first.")
        if meta is not None and meta.lineage is None and hasattr(X, "columns"):
            # Fitted before it was put: LightGBM goes by positions, and has no spaces in names.
            X = X.set_axis([str(label).replace(" ", "_") for label in X.columns], axis="columns")
            known = {"dataset": names[0], "model": modelname, "by_name": True}
            X = check_columns(X, booster.feature_name(), **known)
        result = getattr(model, action)(X, *Y, **kwargs)
        if hasattr(X, "iloc") and np.ndim(result) and not (plain and rName is None):
            import pandas as pd  # there is a frame, and so there is pandas

            result = (pd.Series if result.ndim == 1 else pd.DataFrame)(result, index=X.index)
        elif hasattr(result, "tolist") and (plain or rName is not None):
            result = result.tolist()
        return result if rName is None else self.data_store.put(result, rName)

    def _read(self, action: str, modelname: str, *names: Any) -> tuple[Any, list[Any]]:
        model = self.model_store.get(modelname)
        if not hasattr(model, action):
            raise NotImplementedError(f"{modelname!r}: a {type(model).__name__} has no {action}.")
        X, *Y = (self.data_store.get(name) for name in names if name is not None)
        return model, [X if hasattr(X, "shape") else np.asarray(X), *(np.ravel(y) for y in Y)]


def _json(values: dict[str, Any], name: str) -> dict[str, Any]:
    kept = {}
    for key, value in values.items():
        if key.endswith("_weight") and isinstance(value, dict):
            value = [[*pair] for pair in value.items()]  # by class, which need not be a text
        try:
            kept[key] = json.loads(json.dumps(value, default=lambda scalar: scalar.item()))
            if kept[key] != value:
                raise ValueError("it comes back as something else")
        except (AttributeError, TypeError, ValueError):
            told = f"{name!r} has {key}={value!r:.99}, which JSON does not bring back as it is."
            raise UnsupportedValueError(f"{told} Nothing was stored.") from None
    return kept


def _from_json(kept: dict[str, Any]) -> dict[str, Any]:
    return {k: dict(v) if k.endswith("_weight") and type(v) is list else v for k, v in kept.items()}
