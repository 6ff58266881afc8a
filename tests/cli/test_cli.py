"""The command line `omega`: what it prints, what it changes, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from omega_core import Omega
from omega_core.cli.main import app

Run = Callable[..., Any]
Install = Callable[..., None]

HEAVY = (
    "pandas", "numpy", "sklearn", "skops", "pyarrow", "pymongo", "bson", "mongoengine", "fsspec",
    "omega_pandas", "omega_sklearn", "omega_s3", "omega_dask", "omega_celery", "distributed",
    "celery", "kombu", "omega_notebook", "nbformat", "jupyter_client", "ipykernel",
    # Of our own libraries, what a short command has no use for.
    "pydantic", "markdown_it", "tomlkit",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def process(mongo_url: str, mongo_database: str, config_file: Path) -> Run:
    """Run a command in a process of its own."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "omega_core", *arguments]
        url = f"{mongo_url}/{mongo_database}"
        return subprocess.run(
            command,
            env={**os.environ, "OMEGA_MONGO__URL": url},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def install(install: Callable[..., str], site: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a plugin, for other processes too: ``install("acme", "source of its module")``."""
    monkeypatch.setenv("PYTHONPATH", str(site))

    def install_module(id_: str, source: str, requires: str = "omega-core") -> None:
        name, summary = f"plugin_{id_}", "Of a test [sic]."
        install(id_, source, distribution=name, module=name, requires=[requires], summary=summary)

    return install_module


def backend(kind: str, base: str = "BaseDataBackend") -> str:
    """The source of a plugin that stores one kind, in the document itself; it frees a payload."""
    return f"""
from omega_core import BackendSpec, {base}, hookimpl

class Backend({base}):
    def put(self, obj, name, attributes=None, **kwargs):
        meta = self.data_store.make_metadata(name, {kind!r}, attributes=attributes)
        meta.kind_meta = dict(obj)
        return meta.save()

    def get(self, name, **kwargs):
        return self.data_store.metadata(name).kind_meta

    def drop(self, meta):
        pass

@hookimpl
def backends():
    return [BackendSpec({kind!r}, Backend, types=None)]
"""


WRAPPER = """
from omega_core import hookimpl

@hookimpl(wrapper=True)
def put(name):
    return (yield)
"""


# --- the program -----------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], ["plugins", "list"]])
def test_help_and_the_list_of_plugins_import_no_library_of_any_plugin(
    arguments: list[str], config_file: Path
) -> None:
    code = f"""
import sys

class Guard:
    def find_spec(self, name, path=None, target=None):
        assert name.split(".")[0] not in {HEAVY!r}, f"{{name}} is imported"

sys.meta_path.insert(0, Guard())
sys.argv = ["omega", *{arguments!r}]
from omega_core.cli.main import run
run()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "plugins" in done.stdout or "pandas" in done.stdout


def test_the_console_script_and_the_module_are_the_same_program() -> None:
    script = Path(sys.executable).with_name("omega")
    by_script = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    by_module = subprocess.run(
        [sys.executable, "-m", "omega_core", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert by_script.stdout == by_module.stdout
    assert by_script.stdout.startswith("omega-core 0.")


def test_help_documents_the_exit_codes(omega: Run) -> None:
    assert "Exit codes: 0 " in omega("--help").stdout


def test_a_wrong_command_line_is_error_2(omega: Run) -> None:
    for wrong in (["nope"], ["gc", "--grace", "-1"], ["datasets", "list", "--regexp", "["]):
        result = omega(*wrong)
        assert result.exit_code == 2, wrong
        assert result.stdout == ""


def test_an_error_is_one_line_and_hides_the_password(omega: Run, config_file: Path) -> None:
    config_file.write_text("[mongo]\ntimeout = 0.1\n")
    done = omega("--url", "mongodb://me:hunter2@127.0.0.1:1/x", "datasets", "list")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: No MongoDB server answers at mongodb://***@127.0.0.1")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


def test_an_error_is_a_document_on_stdout_with_json(omega: Run) -> None:
    result = omega("models", "info", "churm", "--json")
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["type"] == "ObjectNotFoundError"
    assert "'churm'" in error["message"]
    assert "'churm'" in result.stderr


def test_a_broken_configuration_is_told_with_its_place(omega: Run, config_file: Path) -> None:
    config_file.write_text("[stores]\nbuckett = 'x'\n")
    result = omega("datasets", "list")
    assert result.exit_code == 1
    assert f"{config_file}, line 2" in result.stderr
    assert "'bucket'" in result.stderr


# --- objects ---------------------------------------------------------------------------------


def test_list_shows_names_verbatim(omega: Run, om: Omega) -> None:
    names = ["a[b]", "[red]x[/red]", "[/]", "with space", "ünï", "x" * 500]
    for name in names:
        om.datasets.put(1, name)
    result = omega("datasets", "list")
    assert result.exit_code == 0, result.stderr
    for name in names:
        assert f" {name} " in result.stdout


def test_list_shows_the_objects_beside_one_whose_document_was_edited(omega: Run, om: Omega) -> None:
    for name in ("bad", "good"):
        om.datasets.put(1, name)
    om.database.metadata.update_one({"name": "bad"}, {"$set": {"kind": 7}})
    shown = omega("datasets", "list").stdout
    assert "its metadata document is damaged" in shown
    assert "python.data" in shown
    bad, good = json.loads(omega("datasets", "list", "--json").stdout)
    assert "data/'bad' in bucket 'default', version 1" in bad["damage"]
    assert "kind is 7" in bad["damage"]
    assert (good["damage"], good["kind"]) == (None, "python.data")
    assert omega("datasets", "versions", "bad").exit_code == 0
    assert omega("datasets", "drop", "bad", "--yes").exit_code == 0


def test_list_lets_no_name_move_the_cursor(omega: Run, om: Omega) -> None:
    om.datasets.put(1, "evil\x1b[2J\n\u202e")
    result = omega("datasets", "list")
    assert "\x1b" not in result.stdout
    assert r"evil\x1b[2J\n\u202e" in result.stdout
    assert json.loads(omega("datasets", "list", "--json").stdout)[0]["name"].startswith("evil\x1b")


def test_list_filters_as_the_store_does(omega: Run, om: Omega) -> None:
    for name in ("a.b", "axb", ".hidden"):
        om.datasets.put(b"x", name)
    om.datasets.put(1, "number")

    def listed(*arguments: str) -> list[str]:
        return [
            o["name"] for o in json.loads(omega("datasets", "list", *arguments, "--json").stdout)
        ]

    assert listed() == ["a.b", "axb", "number"]
    assert listed("a.*") == ["a.b"]
    assert listed("--regexp", "^a") == ["a.b", "axb"]
    assert listed("--kind", "python.data") == ["number"]
    assert listed("--hidden", "*") == [".hidden", "a.b", "axb", "number"]


def test_list_knows_the_size_of_every_kind_of_payload(
    omega: Run, om: Omega, tmp_path: Path
) -> None:
    om.datasets.put({"a": 1}, "small")
    om.datasets.put(b"x" * 5000, "file")
    om.datasets.put([{"i": i} for i in range(100)], "rows", kind="python.rows")
    sizes = {o["name"]: o["size"] for o in json.loads(omega("datasets", "list", "--json").stdout)}
    assert sizes["file"] == 5000
    assert 0 < sizes["small"] < 200
    assert sizes["rows"] >= 100 * 10
    assert "5.0 kB" in omega("datasets", "list").stdout


def test_an_empty_list_says_where_objects_are(omega: Run, om: Omega) -> None:
    om["team-a"].datasets.put(1, "x")
    result = omega("datasets", "list")
    assert result.exit_code == 0
    assert "no datasets in bucket 'default'" in result.stdout
    assert "team-a" in result.stdout
    assert " x " in omega("--bucket", "team-a", "datasets", "list").stdout


def test_info_shows_the_metadata_and_who_reads_it(omega: Run, om: Omega) -> None:
    om.datasets.put(b"x", "f", attributes={"by": "[me]", "nested": {"when": 2.5}})
    text = omega("datasets", "info", "f").stdout
    for fact in ("python.file", "1 (the current one; 1 kept)", "by: [me]", "when: 2.5", "yes"):
        assert fact in text
    facts = json.loads(omega("datasets", "info", "f", "--json").stdout)
    assert facts["attributes"] == {"by": "[me]", "nested": {"when": 2.5}}
    assert facts["readable"] is True
    assert facts["size"] == 1


def test_info_of_a_version_and_of_one_that_is_not_there(omega: Run, om: Omega) -> None:
    om.datasets.put(b"one", "f")
    om.datasets.put(b"three", "f")
    assert (
        json.loads(omega("datasets", "info", "f", "--version", "1", "--json").stdout)["size"] == 3
    )
    missing = omega("datasets", "info", "f", "--version", "7")
    assert missing.exit_code == 1
    assert "Versions: 1, 2." in missing.stderr


def test_versions_marks_the_current_one(omega: Run, om: Omega) -> None:
    for text in (b"1", b"22", b"333"):
        om.models.put(text, "m")
    om.models.restore("m", 2)
    versions = json.loads(omega("models", "versions", "m", "--json").stdout)
    assert [(v["version"], v["size"], v["current"]) for v in versions] == [
        (1, 1, False), (2, 2, True), (3, 3, False),
    ]  # fmt: skip
    lines = omega("models", "versions", "m").stdout.splitlines()
    assert [line.split()[0] for line in lines if " current " in line and "0.1" in line] == ["2"]


def test_drop_without_a_terminal_needs_yes(omega: Run, om: Omega) -> None:
    om.datasets.put(1, "a[b]")
    refused = omega("datasets", "drop", "a[b]")
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    assert "a[b]" in om.datasets
    done = omega("datasets", "drop", "a[b]", "--yes", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"dropped": ["a[b]"]})
    assert "a[b]" not in om.datasets


@pytest.mark.parametrize(("answer", "code", "stays"), [("n", 1, True), ("y", 0, False)])
def test_drop_asks_at_a_terminal(
    answer: str, code: int, stays: bool, om: Omega, mongo_url: str, mongo_database: str
) -> None:
    om.datasets.put(1, "x")
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    url = f"{mongo_url}/{mongo_database}"
    command = [sys.executable, "-m", "omega_core", "--url", url, "datasets", "drop", "x"]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert (
        "Drop 'x' out of the datasets of bucket 'default', with all versions and aliases?"
        in done.stderr
    )
    assert done.returncode == code
    assert om.datasets.exists("x") is stays


def test_drop_of_a_missing_name_drops_none(omega: Run, om: Omega) -> None:
    om.datasets.put(1, "there")
    result = omega("datasets", "drop", "there", "their", "--yes")
    assert result.exit_code == 1
    assert "Did you mean 'there'?" in result.stderr
    assert "there" in om.datasets


def test_drop_all_empties_one_store_of_one_bucket(omega: Run, om: Omega) -> None:
    om.datasets.put(1, "a")
    om.datasets.put(1, ".b")
    om.models.put(1, "m")
    om["other"].datasets.put(1, "o")
    assert omega("datasets", "drop", "--all", "--yes").exit_code == 0
    assert om.datasets.list(hidden=True) == []
    assert (len(om.models), len(om["other"].datasets)) == (1, 1)
    assert omega("datasets", "drop").exit_code == 2
    assert omega("datasets", "drop", "--all", "a", "--yes").exit_code == 2


# --- gc --------------------------------------------------------------------------------------


def test_gc_shows_first_and_deletes_with_yes(omega: Run, om: Omega) -> None:
    om.datasets.put(bytes(1_000_000), "f")
    om.datasets.drop("f")
    files = om.datasets.fs
    shown = omega("gc", "--grace", "0", "--json")
    assert json.loads(shown.stdout)["freed"] == 1
    assert json.loads(shown.stdout)["deleted"] is False
    assert len(list(files.find())) == 1
    assert "omega gc --yes" in omega("gc", "--grace", "0").stdout
    assert json.loads(omega("gc", "--yes", "--json").stdout)["waiting"] == 1
    assert json.loads(omega("gc", "--grace", "0", "--yes", "--json").stdout)["freed"] == 1
    assert len(list(files.find())) == 0
    assert "nothing to free" in omega("gc", "--grace", "0").stdout


def test_gc_of_one_bucket_leaves_the_others(omega: Run, om: Omega) -> None:
    for bucket in ("a", "b"):
        om[bucket].models.put(b"x", "m")
        om[bucket].models.drop("m")
    one = omega("--bucket", "a", "gc", "--grace", "0", "--yes", "--json")
    assert json.loads(one.stdout)["freed"] == 1
    rest = omega("gc", "--grace", "0", "--yes", "--json")
    assert json.loads(rest.stdout)["freed"] == 1


def test_gc_says_what_it_could_not_free(
    omega: Run, make_omega: Any, install: Install, config_file: Path
) -> None:
    install("gone", backend("gone.thing"))
    make_omega().datasets.put({}, "x", kind="gone.thing")
    make_omega().datasets.drop("x")
    config_file.write_text('[plugins]\ndisabled = ["gone"]\n')
    result = omega("gc", "--grace", "0", "--yes")
    assert result.exit_code == 1
    assert "omega plugins enable gone" in result.stdout


# --- plugins ---------------------------------------------------------------------------------


def test_a_plugin_that_kills_at_import_is_listed_and_disabled(
    process: Run, install: Install, config_file: Path
) -> None:
    install("killer", "import os\nos._exit(9)\n")
    config_file.write_text("[plugins]\nenabled = ['killer']\n")
    listed = process("plugins", "list", "--json")
    assert listed.returncode == 0
    [killer] = [p for p in json.loads(listed.stdout) if p["id"] == "killer"]
    assert (killer["state"], killer["summary"]) == ("enabled", "Of a test [sic].")

    assert process("datasets", "drop", "x").returncode == 9  # it is a killer

    sick = process("doctor", "--json")
    assert sick.returncode == 1
    [finding] = [f for f in json.loads(sick.stdout)["findings"] if "killer" in f["message"]]
    assert "ends the process that imports 'plugin_killer'" in finding["message"]
    assert process("plugins", "info", "killer").returncode == 1

    assert process("plugins", "disable", "killer").returncode == 0
    assert tomllib.loads(config_file.read_text()) == {
        "plugins": {"enabled": [], "disabled": ["killer"]}
    }
    assert process("doctor").returncode == 0


def test_disable_and_enable_keep_comments_and_name_the_file(
    omega: Run, install: Install, config_file: Path
) -> None:
    install("acme", "raise RuntimeError('never imported')")
    config_file.write_text("# ours\n[plugins]\nenabled = ['acme', 'pandas'] # two\n")
    disabled = omega("plugins", "disable", "acme")
    assert f"disabled acme in {config_file}" in disabled.stdout
    assert "# ours" in config_file.read_text()
    assert tomllib.loads(config_file.read_text())["plugins"] == {
        "enabled": ["pandas"],
        "disabled": ["acme"],
    }
    assert "already" in omega("plugins", "disable", "acme").stdout
    enabled = json.loads(omega("plugins", "enable", "acme", "--json").stdout)
    assert enabled == {"id": "acme", "enabled": True, "file": str(config_file), "changed": True}
    assert tomllib.loads(config_file.read_text())["plugins"]["enabled"] == ["pandas", "acme"]


@pytest.mark.needs_plugins("pandas")
def test_config_says_which_file_is_edited(omega: Run, config_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("")
    assert omega("--config", str(other), "plugins", "disable", "pandas").exit_code == 0
    assert "pandas" in other.read_text()
    assert config_file.read_text() == ""


@pytest.mark.needs_plugins("pandas")
def test_without_any_file_one_is_made_here(
    omega: Run, config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMEGA_CONFIG")
    config_file.unlink()
    result = omega("plugins", "disable", "pandas")
    assert f"in {tmp_path / 'omega.toml'}" in result.stdout
    assert tomllib.loads(config_file.read_text()) == {"plugins": {"disabled": ["pandas"]}}


@pytest.mark.needs_plugins("pandas")
def test_an_environment_variable_that_wins_over_the_file_is_named(
    omega: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMEGA_PLUGINS__ENABLED", "sklearn")
    result = omega("plugins", "enable", "pandas")
    assert "OMEGA_PLUGINS__ENABLED" in result.stderr


@pytest.mark.needs_plugins("pandas")
def test_a_plugin_that_is_not_installed_cannot_be_enabled_but_its_mention_removed(
    omega: Run, config_file: Path
) -> None:
    wrong = omega("plugins", "enable", "panda")
    assert wrong.exit_code == 1
    assert "Did you mean 'pandas'?" in wrong.stderr
    config_file.write_text("[plugins]\nenabled = ['pandas', 'gone']\n")
    assert omega("plugins", "list").exit_code == 1
    assert omega("plugins", "disable", "gone").exit_code == 0
    assert omega("plugins", "list").exit_code == 0


def test_info_tells_what_a_plugin_offers(omega: Run, install: Install) -> None:
    install("acme", backend("acme.thing") + WRAPPER.replace("from omega_core import hookimpl", ""))
    facts = json.loads(omega("plugins", "info", "acme", "--json").stdout)
    assert [k["kind"] for k in facts["kinds"]] == ["acme.thing"]
    assert facts["wraps"] == ["put"]
    assert (facts["state"], facts["version"]) == ("enabled", "1.0")
    assert "acme.thing" in omega("plugins", "info", "acme").stdout


def test_a_summary_is_shown_as_it_is_written(omega: Run, install: Install) -> None:
    spec = """BackendSpec("acme.thing", "acme:A", summary='needs [security] pickle = "allow"')"""
    source = "from omega_core import BackendSpec, hookimpl\n\n@hookimpl\ndef backends():\n"
    install("acme", f"{source}    return [{spec}]\n")
    assert 'needs [security] pickle = "allow"' in omega("plugins", "info", "acme").stdout


def test_info_of_a_plugin_that_fails_names_the_cause(omega: Run, install: Install) -> None:
    install("broken", "import nowhere_to_be_found")
    result = omega("plugins", "info", "broken")
    assert result.exit_code == 1
    assert "No module named 'nowhere_to_be_found'" in result.stdout
    facts = json.loads(omega("plugins", "info", "broken", "--json").stdout)
    assert facts["state"] == "failed"
    assert facts["cause"].startswith("ModuleNotFoundError")


def test_info_of_a_disabled_plugin_does_not_import_it(
    omega: Run, install: Install, config_file: Path, tmp_path: Path
) -> None:
    install("shy", f"open({str(tmp_path / 'imported')!r}, 'w')")
    config_file.write_text("[plugins]\ndisabled = ['shy']\n")
    result = omega("plugins", "info", "shy")
    assert result.exit_code == 0
    assert "disabled" in result.stdout
    assert not (tmp_path / "imported").exists()


def test_a_broken_plugin_is_a_warning_where_others_are_used(
    omega: Run, om: Omega, install: Install
) -> None:
    om.datasets.put(1, "x")
    install("broken2", "1 / 0")
    result = omega("datasets", "info", "x", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["readable"] is True
    assert "Warning: plugin 'broken2'" in result.stderr
    assert "ZeroDivisionError" in result.stderr


def test_order_shows_wrappers_outermost_first(
    omega: Run, install: Install, config_file: Path
) -> None:
    for id_ in ("alpha", "beta", "gamma"):
        install(id_, WRAPPER)
    config_file.write_text("[plugins]\norder = ['beta', 'alpha']\n")
    assert json.loads(omega("plugins", "order", "--json").stdout) == {
        "put": ["beta", "alpha", "gamma"]
    }
    assert "beta → alpha → gamma → the backend" in omega("plugins", "order").stdout


def test_why_of_a_kind_and_of_an_object(omega: Run, om: Omega) -> None:
    om.models.put(b"x", "m")
    by_kind = json.loads(omega("plugins", "why", "python.file", "--json").stdout)
    [by_name] = json.loads(omega("plugins", "why", "m", "--json").stdout)
    assert by_kind[0]["chosen"] == by_name["chosen"] == "omega_core"
    assert "builtins:bytes" in by_kind[0]["claims"]
    assert by_name["object"].startswith("models/m in bucket 'default'")
    assert "models/m in bucket 'default'" in omega("plugins", "why", "m").stdout
    unknown = omega("plugins", "why", "python.fil")
    assert unknown.exit_code == 1
    assert "Did you mean 'python.file'?" in unknown.stderr


def test_why_tells_a_conflict_and_who_won_it(
    omega: Run, install: Install, config_file: Path
) -> None:
    install("first", backend("shared.kind"))
    install("second", backend("shared.kind"))
    contested = omega("plugins", "why", "shared.kind")
    assert contested.exit_code == 1
    assert 'kinds = { "shared.kind" = "second" }' in contested.stdout
    config_file.write_text('[plugins]\nkinds = { "shared.kind" = "second" }\n')
    [answer] = json.loads(omega("plugins", "why", "shared.kind", "--json").stdout)
    assert answer["chosen"] == "second"
    assert any(reason.startswith("not first,") for reason in answer["reasons"])


@pytest.mark.needs_plugins("pandas")
def test_why_of_a_kind_whose_plugin_is_disabled(omega: Run, config_file: Path) -> None:
    config_file.write_text("[plugins]\ndisabled = ['pandas']\n")
    result = omega("plugins", "why", "pandas.dataframe")
    assert result.exit_code == 1
    assert "omega plugins enable pandas" in result.stdout


# --- doctor ----------------------------------------------------------------------------------


def problems(result: Any) -> list[dict[str, str]]:
    document = json.loads(result.stdout)
    found = [f for f in document["findings"] if f["level"] == "problem"]
    assert document["healthy"] is (not found)
    assert result.exit_code == (1 if found else 0)
    return found


def test_doctor_finds_nothing_wrong_with_a_healthy_store(omega: Run, om: Omega) -> None:
    om.datasets.put(1, "x")
    result = omega("doctor")
    assert result.exit_code == 0, result.stdout
    for fact in ("MongoDB 6", "standalone", "unique index", "1 stored", "All is well"):
        assert fact in result.stdout


def test_doctor_reports_a_broken_configuration(omega: Run, config_file: Path) -> None:
    config_file.write_text("[nonsense]\n")
    [problem] = problems(omega("doctor", "--json"))
    assert problem["check"] == "configuration"


def test_doctor_reports_plugins_with_their_causes(omega: Run, install: Install) -> None:
    install("broken3", "import nowhere_to_be_found")
    install("old", "", requires="omega-core<0.1")
    install(
        "lame",
        backend("lame.kind").replace("lambda", "").replace("Backend, types", "'no:x', types"),
    )
    messages = [p["message"] for p in problems(omega("doctor", "--json"))]
    assert len(messages) == 3
    assert any("ModuleNotFoundError" in m and "plugins disable broken3" in m for m in messages)
    assert any("requires omega-core<0.1" in m for m in messages)
    assert any("'lame.kind'" in m and "cannot be imported" in m for m in messages)


def test_a_variable_that_is_no_setting_is_told_in_one_line(
    omega: Run, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file.write_text("[plugins]\nenabled = []\n")
    monkeypatch.setenv("OMEGA_STORES_BUCKET", "team")
    [finding] = [
        f for f in json.loads(omega("doctor", "--json").stdout)["findings"]
        if f["level"] == "warning" and f["check"] == "configuration"
    ]  # fmt: skip
    assert "OMEGA_STORES_BUCKET is no setting" in finding["message"]
    assert "Did you mean 'OMEGA_STORES__BUCKET'?" in finding["message"]
    listed = omega("datasets", "list")
    assert listed.exit_code == 0
    assert "Did you mean 'OMEGA_STORES__BUCKET'?" in listed.stderr.replace("\n", " ")


def test_doctor_reports_an_absent_server(omega: Run, config_file: Path) -> None:
    config_file.write_text("[mongo]\ntimeout = 0.1\n")
    [problem] = problems(omega("--url", "mongodb://127.0.0.1:1", "doctor", "--json"))
    assert problem["check"] == "server"


def test_doctor_reports_an_engine_that_nobody_offers(omega: Run, config_file: Path) -> None:
    config_file.write_text("[runtime]\nengine = 'locl'\n")
    [problem] = problems(omega("doctor", "--json"))
    assert "Did you mean 'local'?" in problem["message"]


def test_doctor_reports_objects_and_payloads_that_need_a_missing_plugin(
    omega: Run, make_omega: Any, install: Install, config_file: Path
) -> None:
    install("needed", backend("needed.thing"))
    om = make_omega()
    for name in ("stays", "dropped"):
        om.datasets.put({}, name, kind="needed.thing")
    om.datasets.drop("dropped")
    config_file.write_text("[plugins]\ndisabled = ['needed']\n")
    found = {p["check"]: p["message"] for p in problems(omega("doctor", "--json"))}
    assert found.keys() == {"objects", "gc"}
    assert "data/stays in bucket 'default'" in found["objects"]
    assert all("omega plugins enable needed" in message for message in found.values())
    assert omega("datasets", "info", "stays").exit_code == 0
    assert json.loads(omega("datasets", "info", "stays", "--json").stdout)["readable"] is False


@pytest.mark.needs_plugins("pandas")  # without one, doctor warns of that
def test_doctor_warns_of_crashed_writers_and_gc_cleans_up(omega: Run, process: Run) -> None:
    code = (
        "import os, sys; from omega_core import Omega\n"
        "class Crash:\n"
        "    def __iter__(self):\n"
        "        yield {'i': 1}\n"
        "        os._exit(3)\n"
        "om = Omega({'mongo': {'url': sys.argv[1]}, 'stores': {'lease': 0.05}})\n"
        "om.datasets.put(Crash(), 'x', kind='python.rows')\n"
    )
    url = json.loads(omega("config", "show", "--json").stdout)["mongo"]["url"]
    crashed = subprocess.run([sys.executable, "-c", code, url], check=False)
    assert crashed.returncode == 3
    time.sleep(0.06)
    document = json.loads(omega("doctor", "--json").stdout)
    assert document["healthy"]
    [warning] = [f for f in document["findings"] if f["level"] == "warning"]
    assert (warning["check"], warning["remedy"]) == ("writers", "omega gc --yes")
    assert json.loads(omega("gc", "--yes", "--json").stdout)["condemned"] == 1
    assert "warning" not in omega("doctor", "--json").stdout


def test_doctor_reports_a_missing_index(omega: Run, om: Omega) -> None:
    om.datasets.put(1, "x")
    om.database.metadata.drop_index("object")
    [problem] = problems(omega("doctor", "--json"))
    assert problem["check"] == "indexes"


# --- config, server --------------------------------------------------------------------------


@pytest.mark.needs_plugins("s3")
def test_config_show_hides_secrets(omega: Run, config_file: Path) -> None:
    config_file.write_text(
        "[mongo]\nusername = 'me'\npassword = 'hunter2'\n"
        "[plugins.s3]\nendpoint = 'http://127.0.0.1:9000'\nsecret_access_key = 'hunter3'\n"
        "access_key_id = { env = 'KEY_ID' }\n"
    )
    text = omega("--url", "mongodb://me:hunter4@localhost/x", "config", "show").stdout
    assert "hunter" not in text
    shown = tomllib.loads(text)
    assert shown["mongo"]["password"] == "***"
    assert shown["plugins"]["s3"]["endpoint"] == "http://127.0.0.1:9000"
    assert shown["plugins"]["s3"]["access_key_id"] == {"env": "KEY_ID"}
    document = json.loads(omega("config", "show", "--json").stdout)
    assert document["source"] == str(config_file)
    assert document["plugins"]["s3"]["secret_access_key"] == "***"


def test_config_show_hides_every_text_of_a_plugin_that_cannot_say_which_is_secret(
    omega: Run, config_file: Path
) -> None:
    config_file.write_text("[plugins]\ndisabled = ['s3']\n[plugins.s3]\nregion = 'hunter5'\n")
    assert "hunter5" not in omega("config", "show").stdout


def test_the_embedded_server_is_started_and_stopped(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMEGA_MONGO__DATA_DIR", str(tmp_path / "mongo"))

    def run(command: str, *more: str) -> Any:
        result = CliRunner().invoke(app, ["server", command, *more])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    assert run("path").strip() == str(tmp_path / "mongo")
    assert json.loads(run("status", "--json"))["running"] is False
    assert json.loads(run("start", "--json"))["pinned"] is True
    assert "● runs" in run("status")
    assert json.loads(run("stop", "--json")) == {"stopped": True}
    assert json.loads(run("stop", "--json")) == {"stopped": False}


def test_a_configured_server_is_asked_and_neither_started_nor_stopped(omega: Run) -> None:
    status = json.loads(omega("server", "status", "--json").stdout)
    assert status["running"] is True
    assert status["replica_set"] is None
    refused = omega("server", "stop")
    assert refused.exit_code == 1
    assert "[mongo] url" in refused.stderr
