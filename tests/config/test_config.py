"""The configuration: where it comes from, what wins, and how mistakes are told."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from omega_core.config import Config, Secret, edit_plugins, load_config
from omega_core.errors import ConfigError, ConfigWarning, PluginContractError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without a configuration in or above it, as if nothing were set."""
    directory = tmp_path / "work" / "deep"
    directory.mkdir(parents=True)
    monkeypatch.chdir(directory)
    monkeypatch.delenv("OMEGA_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    return tmp_path


def from_text(tmp_path: Path, text: str, **environ: str) -> Config:
    return load_config(write(tmp_path / "omega.toml", text), environ=environ)


# --- where it comes from -----------------------------------------------------------------


def test_without_any_configuration_the_defaults_hold(home: Path) -> None:
    config = load_config(environ={})
    assert config == Config()
    assert config.source is None
    assert config.mongo.url is None
    assert config.mongo.timeout == 5.0
    assert config.plugins.enabled is None
    assert config.stores.keep == {"datasets": 2, "models": 10, "jobs": 2}
    assert config.security.pickle == "deny"
    assert config.uris.allow == ()
    assert config.runtime.engine == "local"


def test_the_nearest_place_wins_in_the_documented_order(home: Path) -> None:
    named = write(home / "named.toml", '[stores]\nbucket = "named"')
    write(home / "xdg" / "omega" / "omega.toml", '[stores]\nbucket = "user"')
    assert load_config(environ={}).stores.bucket == "user"
    write(home / "work" / "deep" / "pyproject.toml", '[tool.omega.stores]\nbucket = "project"')
    assert load_config(environ={}).stores.bucket == "project"
    write(home / "work" / "omega.toml", '[stores]\nbucket = "above"')
    assert load_config(environ={}).stores.bucket == "above"
    write(home / "work" / "deep" / "omega.toml", '[stores]\nbucket = "here"')
    assert load_config(environ={}).stores.bucket == "here"
    config = load_config(environ={"OMEGA_CONFIG": str(named)})
    assert config.stores.bucket == "named"
    assert config.source == str(named)


def test_a_pyproject_that_does_not_speak_of_omega_is_passed_over_even_if_broken(
    home: Path,
) -> None:
    write(home / "work" / "deep" / "pyproject.toml", "this is not TOML")
    write(home / "work" / "pyproject.toml", '[tool.omega.stores]\nbucket = "above"')
    assert load_config(environ={}).stores.bucket == "above"


def test_omega_config_that_points_to_nothing_is_an_error(home: Path) -> None:
    with pytest.raises(ConfigError, match=r"OMEGA_CONFIG names 'gone\.toml', and there is no such"):
        load_config(environ={"OMEGA_CONFIG": "gone.toml"})


def place_directory(path: Path) -> None:
    path.mkdir()


def place_broken_link(path: Path) -> None:
    path.symlink_to("gone")


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (place_directory, "is a directory, and a configuration is a file"),
        (place_broken_link, "is a link to 'gone', where nothing is"),
        (lambda path: path.symlink_to(path.name), "cannot be looked at: Too many levels of symb"),
        (os.mkfifo, "is neither a file nor a directory"),
    ],
)
@pytest.mark.parametrize(
    "where", ["work/deep/omega.toml", "work/omega.toml", "xdg/omega/omega.toml"]
)
def test_an_omega_toml_that_is_no_file_is_not_passed_over(
    home: Path, where: str, place: Callable[[Path], object], text: str
) -> None:
    path = home / where
    path.parent.mkdir(parents=True, exist_ok=True)
    place(path)
    with pytest.raises(ConfigError, match=f"{path} {text}.*Remove or rename it"):
        load_config(environ={})
    for name, environ in ((path, {}), (None, {"OMEGA_CONFIG": str(path)})):
        with pytest.raises(ConfigError, match=f"{path} {text}"):
            load_config(name, environ=environ)


def test_a_file_that_cannot_be_read_is_an_error(home: Path) -> None:
    # The memory of a process is a file that even root cannot read from its start.
    for name in ("omega.toml", "pyproject.toml"):
        path = home / "work" / name
        path.symlink_to("/proc/self/mem")
        with pytest.raises(ConfigError, match=rf"{path} cannot be read.*Input/output error"):
            load_config(environ={})
        path.unlink()


def test_a_named_file_that_does_not_exist_is_an_error(home: Path) -> None:
    with pytest.raises(ConfigError, match=r"no configuration file 'gone\.toml'"):
        load_config("gone.toml")


def test_a_url_in_place_of_a_file_says_where_urls_go() -> None:
    with pytest.raises(ConfigError, match="goes in url="):
        load_config("mongodb://u:hunter2@db.example")


def test_a_mapping_replaces_the_file_and_is_not_changed(home: Path) -> None:
    write(home / "work" / "omega.toml", '[stores]\nbucket = "file"\n[runtime]\nengine = "dask"')
    given: dict[str, Any] = {"stores": {"bucket": "mapping"}, "plugins": {"s3": {"tags": ["a"]}}}
    before = copy.deepcopy(given)
    environ = {"OMEGA_STORES__KEEP__MODELS": "3", "OMEGA_PLUGINS__S3__REGION": "eu"}
    config = load_config(given, environ=environ)
    assert (config.stores.bucket, config.runtime.engine) == ("mapping", "local")
    assert config.stores.keep == {"datasets": 2, "models": 3, "jobs": 2}
    assert given == before


def test_environment_wins_over_the_file_and_arguments_over_both(tmp_path: Path) -> None:
    path = write(
        tmp_path / "omega.toml", '[mongo]\nurl = "mongodb://file"\n[stores]\nbucket = "file"'
    )
    environ = {"OMEGA_MONGO__URL": "mongodb://env", "OMEGA_STORES__BUCKET": "env"}
    assert load_config(path, environ=environ).mongo.url == "mongodb://env"
    config = load_config(path, environ=environ, url="mongodb://argument", bucket="argument")
    assert (config.mongo.url, config.stores.bucket) == ("mongodb://argument", "argument")


def test_a_config_is_taken_as_it_is_with_only_the_arguments_applied() -> None:
    config = load_config({"stores": {"lease": 5}}, environ={})
    again = load_config(config, environ={"OMEGA_STORES__LEASE": "9"}, url="mongodb://x", bucket="b")
    assert (again.stores.lease, again.mongo.url, again.stores.bucket) == (5.0, "mongodb://x", "b")


# --- environment variables ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "section", "key", "value"),
    [
        ("OMEGA_MONGO__TIMEOUT", "2", "mongo", "timeout", 2.0),
        ("OMEGA_MONGO__URL", "mongodb://h/db", "mongo", "url", "mongodb://h/db"),
        ("OMEGA_MONGO__URL", '"mongodb://h"', "mongo", "url", "mongodb://h"),
        ("OMEGA_MONGO__URL", "", "mongo", "url", None),
        ("OMEGA_MONGO__USERNAME", "1234", "mongo", "username", "1234"),
        ("OMEGA_PLUGINS__ENABLED", "pandas, s3", "plugins", "enabled", ("pandas", "s3")),
        ("OMEGA_PLUGINS__ENABLED", '["pandas", "s3"]', "plugins", "enabled", ("pandas", "s3")),
        ("OMEGA_PLUGINS__ENABLED", "", "plugins", "enabled", ()),
        ("OMEGA_PLUGINS__STRICT", "true", "plugins", "strict", True),
        ("OMEGA_PLUGINS__KINDS", '{"a.b" = "acme"}', "plugins", "kinds", {"a.b": "acme"}),
        ("OMEGA_RUNTIME__WORKERS", "4", "runtime", "workers", 4),
        ("OMEGA_SECURITY__PICKLE", "allow", "security", "pickle", "allow"),
    ],
)
def test_an_environment_variable_is_read_as_the_type_of_its_key(
    name: str, text: str, section: str, key: str, value: object
) -> None:
    start = {"mongo": {"url": "mongodb://file"}}
    config = load_config(start, environ={name: text})
    assert getattr(getattr(config, section), key) == value


def test_a_password_is_taken_to_the_letter_or_as_a_reference() -> None:
    def password(text: str) -> Secret | None:
        return load_config({}, environ={"OMEGA_MONGO__PASSWORD": text}).mongo.password

    assert password('"quoted"') == Secret('"quoted"')
    assert password("12") == Secret("12")
    assert password('{ env = "PW" }') == Secret(env="PW")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("OMEGA_MONGO_URL", " Did you mean 'OMEGA_MONGO__URL'?"),
        ("OMEGA_MONGO_PASSWORD", " Did you mean 'OMEGA_MONGO__PASSWORD'?"),
        ("OMEGA_MONGO_DATA_DIR", " Did you mean 'OMEGA_MONGO__DATA_DIR'?"),
        ("OMEGA_STORES_BUCKT", " Did you mean 'OMEGA_STORES__BUCKET'?"),
        ("OMEGA_CONFG", " Did you mean 'OMEGA_CONFIG'?"),
        ("OMEGA_XYZ", ""),
    ],
)
def test_a_variable_that_is_no_setting_is_noticed_with_the_nearest_that_is(
    home: Path, name: str, hint: str
) -> None:
    with pytest.warns(ConfigWarning) as caught:
        assert load_config(environ={name: "hunter2", "OTHER__URL": "x"}) == Config()
    [warning] = caught
    assert f"{name} is no setting, and is ignored.{hint} Settings are" in str(warning.message)
    assert "hunter2" not in str(warning.message)


def test_a_variable_that_is_used_is_not_warned_of(home: Path) -> None:
    url = "mongodb://db.example"
    environ = {"OMEGA_MONGO_PASSWORD": "x", "OMEGA_KEY": "y", "OMEGA_MONGO_URL": url}
    given = {
        "mongo": {"password": {"env": "OMEGA_MONGO_PASSWORD"}},
        "plugins": {"acme": {"keys": [{"env": "OMEGA_KEY"}]}},
    }
    assert load_config(given, environ=environ, url=url).mongo.url == url


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("OMEGA_MONG__URL", r"unknown section \[mong\]\. Did you mean 'mongo'\?"),
        ("OMEGA_MONGO__URI", r"unknown key 'uri' in \[mongo\]\. Did you mean 'url'\?"),
        ("OMEGA_PLUGINS__ENABLE", r"unknown key 'enable' in \[plugins\]\. Did you mean 'enabled'"),
        ("OMEGA_STORES__KEEP__DATASET", r"unknown key 'dataset' .*Did you mean 'datasets'"),
        ("OMEGA_MONGO__URL__X", r"sets a key inside of 'url', which is not a table"),
    ],
)
def test_a_misspelt_variable_is_an_error_that_names_it(name: str, message: str) -> None:
    start = {"mongo": {"url": "mongodb://file"}}
    with pytest.raises(ConfigError, match=f"^environment variable {name}: .*{message}"):
        load_config(start, environ={name: "1"})


def test_a_table_in_a_variable_is_told_of_by_its_wrong_key() -> None:
    kinds = (
        r"^environment variable OMEGA_PLUGINS__KINDS: \[plugins\] kinds\.a\.b: expected a string"
    )
    with pytest.raises(ConfigError, match=kinds):
        load_config({}, environ={"OMEGA_PLUGINS__KINDS": '{ "a.b" = 1 }'})
    with pytest.raises(
        ConfigError, match=r"keep\.models: expected a number of at least 1, found 0"
    ):
        load_config({}, environ={"OMEGA_STORES__KEEP": "{ models = 0 }"})


# --- mistakes in a file ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[mongodb]\n", r"line 1: unknown section \[mongodb\]\. Did you mean 'mongo'\?"),
        ("\n[mongo]\ntimout = 3\n", r"line 3: unknown key 'timout'.*Did you mean 'timeout'\?"),
        ("[uris]\nzzz = 1\n", r"line 2: unknown key 'zzz' in \[uris\]\. Known here: allow"),
        ("stores.buckt = 'x'\n", r"line 1: unknown key 'buckt'.*Did you mean 'bucket'"),
        ("[stores]\nkeep = { datsets = 1 }", r"line 2: unknown key 'datsets'.*'datasets'"),
        ("[stores]\nkeep = { datsets = 'x' }", r"line 2: unknown key 'datsets'.*'datasets'"),
        (
            "[stores]\nkeep.models = 0",
            r"line 2: \[stores\] keep\.models: expected a number of at least 1",
        ),
        ("[stores]\nlease = 0", r"line 2: \[stores\] lease: expected a number above 0, found 0"),
        ("[stores]\nbucket = ''", r"\[stores\]: the bucket must have a name"),
        ("[mongo]\ntimeout = 'x'", r"line 2: .*expected a number, found a string, 'x'"),
        ("[mongo]\ntimeout = inf", r"expected a number, found a number, inf"),
        ("[mongo]\ntimeout = true", r"expected a number, found a boolean, True"),
        ("[plugins]\nenabled = 'pandas'", r"expected a list of strings, found a string"),
        ("[plugins]\nenabled = ['a', 1]", r"expected a string, found an integer, 1"),
        ("[plugins]\nstrict = 1", r"expected true or false, found an integer"),
        ("[security]\npickle = 'alow'", r"expected 'deny' or 'allow', found a string, 'alow'"),
        ("mongo = 1", r"line 1: \[mongo\]: expected a table, found an integer, 1"),
        ("[plugins.s3]\n[plugins.kinds]\na = 1", r"line 3: \[plugins\] kinds\.a: expected a str"),
        ("[mongo\n", r"is not valid TOML: .*line 1"),
    ],
)
def test_a_mistake_says_what_and_in_which_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"omega\.toml.*{message}"):
        from_text(tmp_path, text)


def test_the_line_is_right_after_text_that_looks_like_settings(tmp_path: Path) -> None:
    text = '# timeout\n[mongo]\nusername = """\n[stores]\ntimeout = 1\n"""\ntimeout = "x"\n'
    with pytest.raises(ConfigError, match="line 7: "):
        from_text(tmp_path, text)


def test_the_line_of_a_value_is_where_it_begins(tmp_path: Path) -> None:
    text = "[plugins]\n# which\n\nenabled = [\n  'a',\n  1,\n]\nstrict = true\n"
    with pytest.raises(ConfigError, match=r"line 4: \[plugins\] enabled: expected a string"):
        from_text(tmp_path, text)


def test_in_pyproject_the_line_is_that_of_our_table(tmp_path: Path) -> None:
    text = "[mongo]\ntimeout = 1\n[tool.omega.mongo]\ntimeout = 'x'\n"
    with pytest.raises(ConfigError, match=r"pyproject\.toml, line 4: "):
        load_config(write(tmp_path / "pyproject.toml", text), environ={})


def test_an_error_about_a_secret_does_not_show_it(tmp_path: Path) -> None:
    for text in (
        "[mongo]\npassword = 271828",
        "[mongo]\npassword = ['271828']",
        "[mongo]\npassword = { evn = '271828' }",
        "[mongo]\npassword = { env = 'A', file = '271828' }",
        "[mongo]\npasswort = '271828'",
        "[mongo]\ntimeout = 'mongodb://u:271828@h'",
    ):
        with pytest.raises(ConfigError) as caught:
            from_text(tmp_path, text)
        assert "271828" not in str(caught.value)


def test_files_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    write(tmp_path / "etc" / "pw", "hunter2\n")
    text = '[mongo]\npassword = { file = "pw" }\ndata_dir = "data"'
    config = load_config(write(tmp_path / "etc" / "omega.toml", text), environ={})
    assert config.mongo.password is not None
    assert config.mongo.password.reveal() == "hunter2"
    assert config.mongo.data_dir == str(tmp_path / "etc" / "data")


# --- secrets -----------------------------------------------------------------------------


def test_a_secret_is_looked_up_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_env, by_file = Secret(env="THE_PW"), Secret(file=tmp_path / "pw")
    monkeypatch.setenv("THE_PW", "one")
    write(tmp_path / "pw", "two\n")
    assert (by_env.reveal(), by_file.reveal(), Secret("three").reveal()) == ("one", "two", "three")


def test_a_secret_that_is_missing_names_its_key_and_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GONE", raising=False)
    mongo = {"password": {"env": "GONE"}}
    password = load_config({"mongo": mongo}, environ={}).mongo.password
    assert password is not None
    with pytest.raises(ConfigError, match=r"mongo\.password .*environment variable GONE"):
        password.reveal()
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        Secret(file=tmp_path / "gone").reveal()


def test_a_secret_never_shows() -> None:
    secret = Secret("hunter2")
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!s:>20}", f"{[secret]}"):
        assert "hunter2" not in shown
    assert repr(Secret(env="NAME")) == "Secret(env='NAME')"


def test_secrets_compare_and_hash_by_what_they_refer_to() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret(env="A"), Secret(env="A"), Secret(env="B"), Secret("A")}) == 3


def test_a_reference_is_pickled_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_PW", "hunter2")
    config = load_config({"mongo": {"password": {"env": "THE_PW"}}}, environ={})
    assert config.mongo.password is not None
    assert config.mongo.password.reveal() == "hunter2"
    data = pickle.dumps(config)
    assert b"hunter2" not in data
    assert pickle.loads(data) == config
    assert pickle.loads(pickle.dumps(Secret("literal"))) == Secret("literal")


def test_exactly_one_source_makes_a_secret() -> None:
    for arguments in ({}, {"value": "a", "env": "B"}, {"env": "A", "file": "b"}):
        with pytest.raises(TypeError, match="exactly one"):
            Secret(**arguments)


# --- the sections of plugins -------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AcmeSettings:
    endpoint: str | None = None
    retries: int = 3
    ratio: float = 0.5
    anonymous: bool = False
    mode: Literal["path", "virtual"] = "path"
    key: Secret | None = None
    spares: tuple[Secret, ...] = ()
    tags: tuple[str, ...] = ()
    headers: Mapping[str, str] | None = None


def test_a_plugin_gets_its_section_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARE", "s")
    section = {
        "endpoint": "http://x",
        "ratio": 1,
        "mode": "virtual",
        "key": "k",
        "spares": ["a", {"env": "SPARE"}],
        "tags": ["t"],
        "headers": {"h": "v"},
    }
    settings = load_config({"plugins": {"acme": section}}, environ={}).section("acme", AcmeSettings)
    assert settings == AcmeSettings(
        endpoint="http://x",
        ratio=1.0,
        mode="virtual",
        key=Secret("k"),
        spares=(Secret("a"), Secret(env="SPARE")),
        tags=("t",),
        headers={"h": "v"},
    )
    assert [spare.reveal() for spare in settings.spares] == ["a", "s"]


def test_a_plugin_without_a_section_gets_its_defaults() -> None:
    assert load_config({}, environ={}).section("acme", AcmeSettings) == AcmeSettings()


def test_environment_variables_reach_the_section_of_a_plugin() -> None:
    environ = {
        "OMEGA_PLUGINS__ACME_AUDIT__RETRIES": "7",
        "OMEGA_PLUGINS__ACME_AUDIT__SPARES": "a,b",
        "OMEGA_PLUGINS__ACME_AUDIT__KEY": "k",
        "OMEGA_PLUGINS__ACME_AUDIT__ANONYMOUS": "true",
    }
    given = {"plugins": {"acme-audit": {"retries": 1, "endpoint": "e"}}}
    settings = load_config(given, environ=environ).section("acme-audit", AcmeSettings)
    assert settings == AcmeSettings(
        endpoint="e",
        retries=7,
        spares=(Secret("a"), Secret("b")),
        key=Secret("k"),
        anonymous=True,
    )


def test_mistakes_in_the_section_of_a_plugin_are_told_like_those_of_the_core(
    tmp_path: Path,
) -> None:
    text = "[plugins.acme]\nendpont = 'x'\n"
    with pytest.raises(ConfigError, match=r"line 2: .*'endpont' in \[plugins\.acme\].*'endpoint'"):
        from_text(tmp_path, text).section("acme", AcmeSettings)
    with pytest.raises(ConfigError, match=r"line 2: \[plugins\.acme\] retries: expected an int"):
        from_text(tmp_path, "[plugins.acme]\nretries = 'x'").section("acme", AcmeSettings)
    config = from_text(tmp_path, "", OMEGA_PLUGINS__ACME__RETRIES="x")
    with pytest.raises(ConfigError, match=r"^environment variable OMEGA_PLUGINS__ACME__RETRIES: "):
        config.section("acme", AcmeSettings)
    with pytest.raises(ConfigError) as caught:
        from_text(tmp_path, "[plugins.acme]\nspares = [271828]").section("acme", AcmeSettings)
    assert "271828" not in str(caught.value)


def test_a_missing_required_key_and_a_refusal_by_the_schema_are_config_errors() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Strict:
        needed: str

        def __post_init__(self) -> None:
            if self.needed == "no":
                raise ValueError("needed must not be 'no'")

    with pytest.raises(ConfigError, match=r"\[plugins\.acme\]: the key 'needed' is missing"):
        load_config({}, environ={}).section("acme", Strict)
    with pytest.raises(ConfigError, match=r"\[plugins\.acme\]: needed must not be 'no'"):
        load_config({"plugins": {"acme": {"needed": "no"}}}, environ={}).section("acme", Strict)


def test_a_schema_that_is_none_breaks_the_contract() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Odd:
        path: complex = 0j

    config = load_config({"plugins": {"acme": {"path": 1}}}, environ={})
    with pytest.raises(PluginContractError, match=r"complex.* is not supported"):
        config.section("acme", Odd)
    with pytest.raises(PluginContractError, match="expected a dataclass type"):
        config.section("acme", int)


# --- as a mapping ------------------------------------------------------------------------


def test_to_dict_hides_secrets_and_unhidden_reads_back() -> None:
    given = {
        "mongo": {"url": "mongodb://u:hunter2@h", "password": "hunter2"},
        "plugins": {"disabled": ["x"], "acme": {"key": "hunter2", "retries": 4, "endpoint": "e"}},
        "stores": {"keep": {"models": 3}},
    }
    config = load_config(given, environ={})
    shown = config.to_dict()
    assert "hunter2" not in str(shown)
    assert shown["plugins"]["acme"] == {"key": "***", "retries": 4, "endpoint": "***"}
    known = config.to_dict(schemas={"acme": AcmeSettings})["plugins"]["acme"]
    assert (known["endpoint"], known["key"]) == ("e", "***")
    assert load_config(config.to_dict(redact=False), environ={}) == config


def test_the_repr_does_not_show_the_sections_of_plugins() -> None:
    config = load_config({"plugins": {"acme": {"key": "hunter2"}}}, environ={})
    assert "hunter2" not in repr(config)


# --- editing -----------------------------------------------------------------------------


def test_disabling_and_enabling_keeps_comments(tmp_path: Path) -> None:
    path = write(
        tmp_path / "omega.toml",
        '# ours\n[plugins]\nenabled = ["pandas", "s3"]  # few\n\n[plugins.s3]\nregion = "eu"\n',
    )
    edit_plugins(path, disable=["s3"])
    config = load_config(path, environ={})
    assert (config.plugins.enabled, config.plugins.disabled) == (("pandas",), ("s3",))
    text = path.read_text()
    assert "# ours" in text
    assert "# few" in text
    edit_plugins(path, enable=["s3"])
    edit_plugins(path, enable=["s3"])
    config = load_config(path, environ={})
    assert (config.plugins.enabled, config.plugins.disabled) == (("pandas", "s3"), ())
    assert config.plugins.sections == {"s3": {"region": "eu"}}


def test_a_missing_file_is_made_and_enabling_adds_no_list_that_was_not_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "new" / "omega.toml"
    edit_plugins(path, disable=["a"])
    assert load_config(path, environ={}).plugins.disabled == ("a",)
    edit_plugins(path, enable=["a", "b"])
    config = load_config(path, environ={})
    assert (config.plugins.enabled, config.plugins.disabled) == (None, ())
    assert os.listdir(path.parent) == ["omega.toml"]


def test_in_pyproject_only_our_table_is_edited(tmp_path: Path) -> None:
    path = write(tmp_path / "pyproject.toml", '[project]\nname = "x"\n')
    edit_plugins(path, disable=["a"])
    assert load_config(path, environ={}).plugins.disabled == ("a",)
    assert "[tool.omega.plugins]" in path.read_text()


# --- lightness ---------------------------------------------------------------------------


def test_importing_the_configuration_imports_no_driver_and_no_toml_editor() -> None:
    code = (
        "import sys, omega_core.config\n"
        "print([m for m in ('pymongo', 'bson', 'mongoengine', 'tomlkit', 'numpy') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
