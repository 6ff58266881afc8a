"""The example of a wrapper: records who put, dropped, fitted and predicted what."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from omega_core import hookimpl

if TYPE_CHECKING:
    from omega_core import OmegaStore

Wrapper = Generator[None, Any, Any]


@hookimpl(wrapper=True)
def put(store: OmegaStore, name: str) -> Wrapper:
    return (yield from _recorded("put", store, name))


@hookimpl(wrapper=True)
def drop(store: OmegaStore, name: str) -> Wrapper:
    return (yield from _recorded("drop", store, name))


@hookimpl(wrapper=True)
def fit(store: OmegaStore, modelname: str) -> Wrapper:
    return (yield from _recorded("fit", store, modelname))


@hookimpl(wrapper=True)
def predict(store: OmegaStore, modelname: str) -> Wrapper:
    return (yield from _recorded("predict", store, modelname))


@hookimpl(wrapper=True)
def act(store: OmegaStore, action: str, modelname: str) -> Wrapper:
    # The actions that a backend declares itself, whichever they are.
    return (yield from _recorded(action, store, modelname))


def _recorded(what: str, store: OmegaStore, name: str) -> Wrapper:
    # Here, because it imports the driver of MongoDB, and this module is imported to be listed.
    from .record import Record

    record = Record(what, store, name)
    try:
        result = yield
    except BaseException as exc:
        record.failed(exc)
        raise
    record.succeeded(result)
    return result
