"""Secrets in URLs: whatever stands where, no part of a password is shown anywhere."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from omega_core import Omega
from omega_core.cli.main import app
from omega_core.config import load_config
from omega_core.errors import ConfigError, OmegaError, ServerError
from omega_core.secret import redact_text, redact_url

TOKEN = "hunter2"

# Port 1 of this machine: refused at once.
HOSTS = ["127.0.0.1:1", "[::1]:1", "127.0.0.1:1,127.0.0.1:1", "%2Fno%2Fsuch.sock"]


def everything_said(error: BaseException) -> str:
    """Return all that a traceback, a log or a debugger shows of an error."""
    said = "".join(traceback.format_exception(error))
    link: BaseException | None = error
    while link is not None:
        said += f"{link!r} {link.args!r} {link}"
        link = link.__cause__ or link.__context__
    return said


_SECRET = st.sampled_from(
    [
        TOKEN,
        f"{TOKEN}%40",
        f"%2F{TOKEN}",
        f"a@{TOKEN}",
        f"{TOKEN}@b",
        f"{TOKEN}:{TOKEN}",
        f"a%{TOKEN}",
    ]
)
_USERINFO = st.one_of(
    st.just(""),
    _SECRET.map(lambda s: f"user:{s}@"),
    _SECRET.map(lambda s: f"{s}@"),
    _SECRET.map(lambda s: f":{s}@"),
    _SECRET.map(lambda s: f"user:a/{s}@"),
    _SECRET.map(lambda s: f"user:a?{s}@"),
    _SECRET.map(lambda s: f"user:a#{s}@"),
    _SECRET.map(lambda s: f"user:{s} @"),
    _SECRET.map(lambda s: f"user@{s}:"),
)
_OPTION = st.one_of(
    st.sampled_from(["replicaSet=rs", "authSource=admin", "w=majority", "tls=true", "tls=false"]),
    st.sampled_from(
        ["password", "tlsCertificateKeyFilePassword", "authMechanismProperties", "appName", "w",
         "proxyPassword", "TLSCERTIFICATEKEYFILEPASSWORD", "maxPoolSize", "readConcernLevel"]
    ).flatmap(lambda name: _SECRET.map(lambda s: f"{name}={s}")),
    _SECRET.map(lambda s: f"authMechanismProperties=AWS_SESSION_TOKEN:{s},A:b"),
    _SECRET.map(lambda s: f"{s}=1"),
    _SECRET,
)  # fmt: skip


@st.composite
def urls(draw: st.DrawFn) -> str:
    """A URL made of a secret and of structure, the right one or any other."""
    start = draw(
        st.sampled_from(
            ["mongodb://", "mongodb://", "mongodb://", "", " mongodb://", "MONGODB://", "mongodb:/",
             "mongo://", "http://", "mongodb:// ", "\tmongodb://", "'mongodb://"]
        )
    )  # fmt: skip
    path = draw(st.sampled_from(["", "/", "/omega"]))
    options = draw(st.lists(_OPTION, max_size=3))
    separator = draw(st.sampled_from(["&", "&", ";"]))
    query = "?" + separator.join(options) if options else ""
    end = draw(st.sampled_from(["", "", "", " ", "\n", "#x", "'"]))
    return f"{start}{draw(_USERINFO)}{draw(st.sampled_from(HOSTS))}{path}{query}{end}"


@contextmanager
def as_omega_toml(url: str, directory: Path) -> Iterator[str]:
    path = directory / "omega.toml"
    text = f"[mongo]\nurl = {json.dumps(url)}\ntimeout = 0.02\n[plugins]\nenabled = []\n"
    path.write_text(text, encoding="utf-8")
    yield str(path)


@settings(max_examples=120)
@given(url=urls())
def test_no_part_of_a_secret_in_a_url_is_shown(tmp_path: Path, url: str) -> None:
    if TOKEN not in url:
        return
    with as_omega_toml(url, tmp_path) as path, Omega(path) as om:
        assert om.config.mongo.url == url
        said = f"{om!r} {om.config!r} {om.config.mongo} {om.config.to_dict()} {om.datasets!r}"
        assert TOKEN not in said
        with pytest.raises(OmegaError) as caught:
            om.datasets.put(1, "x")
        assert isinstance(caught.value, ConfigError | ServerError)
        assert TOKEN not in everything_said(caught.value)


@settings(max_examples=4)
@given(url=urls())
def test_no_command_shows_a_part_of_it(tmp_path: Path, url: str) -> None:
    with as_omega_toml(url, tmp_path) as path:
        for command in ("config show", "doctor", "server status", "server stop", "datasets list"):
            for more in ([], ["--json"]):
                done = CliRunner().invoke(app, ["--config", path, *command.split(), *more])
                assert TOKEN not in done.output
                assert done.exception is None or isinstance(done.exception, SystemExit)


@given(url=urls())
def test_a_url_where_something_else_belongs_is_not_shown_either(url: str) -> None:
    wrong: list[Any] = [url, {"mongo": {"timeout": url}}, {url: {}}, {"mongo": {url: 1}}]
    wrong += [{"mongo": url}, {"uris": {"allow": [url]}}, {"plugins": {"enabled": {"x": url}}}]
    for config in wrong:
        if TOKEN not in url:
            continue
        try:
            shown = repr(Omega(config))
        except ConfigError as exc:
            shown = everything_said(exc)
        assert TOKEN not in shown
    if "\0" not in url and TOKEN in url:
        with pytest.raises(ConfigError) as caught:
            load_config(environ={"OMEGA_CONFIG": url})
        assert TOKEN not in everything_said(caught.value)


@given(url=urls())
def test_whatever_begins_as_a_url_is_redacted_with_and_without_its_scheme(url: str) -> None:
    for shape in (url, url.replace("mongodb", "mongodb+srv"), url.replace("mongodb", "https")):
        assert TOKEN not in redact_url(shape)
        assert TOKEN not in redact_text(shape)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mongodb://db.example/omega", "mongodb://db.example/omega"),
        ("mongodb://u:p%40w@db.example:27017/omega", "mongodb://***@db.example:27017/omega"),
        ("mongodb://a:1,[::1]:2/?replicaSet=rs", "mongodb://a:1,[::1]:2/?replicaSet=rs"),
        ("mongodb+srv://u:p@c.example/?x=1&w=1&y=2", "mongodb+srv://***@c.example/?***&w=1"),
        ("mongodb://h/?appName=me&authSource=%24external",
         "mongodb://h/?appName=***&authSource=%24external"),
        ("mongodb://%2Ftmp%2Fmongod.sock/omega", "mongodb://%2Ftmp%2Fmongod.sock/omega"),
        ("mongodb://u:p@w@h", "***"),
        ("db.example/omega", "***"),
    ],
)  # fmt: skip
def test_what_is_no_secret_in_a_url_is_shown(url: str, shown: str) -> None:
    assert load_config({"mongo": {"url": url}}, environ={}).mongo.redacted_url == shown
    assert redact_text("s3://ml-objects/{key}") == "s3://ml-objects/{key}"
    assert redact_text("mypkg.encoders.TargetEncoder") == "mypkg.encoders.TargetEncoder"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("user:hunter2@h/db", r"\[mongo\] url does not begin with mongodb://"),
        ("mongodb://user:hun@ter2@h", r"must be escaped according to RFC 3986"),
        ("mongodb://h:hunter2/", r"is not a MongoDB URL.*What is wrong is not repeated"),
        ("mongodb://h/?password=hunter2", r"h/\?\*\*\* is not a MongoDB URL"),
        ("mongodb://h/?maxPoolSize=many", r"maxpoolsize must be an integer"),
    ],
)
def test_a_url_that_is_none_is_told_as_far_as_it_can_be_shown(url: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text), Omega(url=url) as om:
        om.datasets.list()
