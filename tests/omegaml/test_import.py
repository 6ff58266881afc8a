"""What the real omega|ml 0.18.0 wrote is here afterwards, and is as it was put."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pymongo
import pytest
from typer.testing import CliRunner

from omega_core import Omega
from omega_core.cli.main import app
from omega_core.errors import ServerError, StoreError

pytestmark = [
    pytest.mark.needs_plugins("pandas", "sklearn", "notebook"),
    # Of models that another release of scikit-learn fitted; the report repeats it.
    pytest.mark.filterwarnings("ignore:Trying to unpickle"),
]

Written = tuple[str, dict[str, Any]]
MakeOmega = Callable[..., Omega]

LEFT_OUT = {
    "arrays/objects": "array.tolist()",
    "files/elsewhere": "reference=True",
    "function": "as a package",
    "hdf": 'pickle = "allow"',
    "line": 'pickle = "allow"',
    "many versions": 'pickle = "allow"',
    "experiments/trial": ".experiments/*",
}
"""What is not imported while pickles are not read, and what the report says to do."""


@pytest.fixture(scope="module")
def imported(written: Written, mongo_url: str) -> Any:
    """An `Omega` that has it all, and the report; for tests that only read."""
    from omega_core.omegaml import import_database

    config = {"mongo": {"url": f"{mongo_url}/{written[0].rsplit('/', 1)[1]}_here"}}
    with Omega(config) as om:
        yield om, import_database(om, written[0])
        om.database.client.drop_database(om.database.mongodb.name)


def outcome(report: Any, name: str, bucket: str = "default") -> Any:
    (found,) = [o for o in report.objects if (o.name, o.bucket) == (name, bucket)]
    return found


def content(url: str) -> list[Any]:
    """Return what changes with any write to a database, also one that is undone."""
    client: pymongo.MongoClient[Any]
    with pymongo.MongoClient(url) as client:
        database = client.get_default_database()
        hashed = database.command("dbHash")
        names = sorted(database.list_collection_names())
        indexes = [sorted(database[name].index_information()) for name in names]
        return [hashed["md5"], hashed["collections"], names, indexes]


# --- frames, series, arrays ----------------------------------------------------------------------


def test_frames_are_as_they_were_put(imported: Any, cases: dict[str, Any]) -> None:
    import pandas as pd

    om, report = imported
    for name, make in cases["FRAMES"].items():
        put, found = make(), om.datasets.get(name)
        # The installed pandas may have another dtype for texts than the one that put it.
        for column in put.columns:
            if put[column].map(lambda value: isinstance(value, str)).any() and name != "mixed":
                put[column] = put[column].astype(found[column].dtype)
        if name == "categories":
            put["c"] = put["c"].cat.set_categories(["a", "b"])
        pd.testing.assert_frame_equal(
            found, put, check_index_type="levels" not in name, check_freq=False, obj=name
        )
        assert outcome(report, name).rows == len(put)
        assert om.datasets.metadata(name).attributes["case"] == name


def test_the_values_are_those_that_omegaml_returned(imported: Any, written: Written) -> None:
    om, _ = imported
    for name, lines in written[1].items():
        if name in ("data", "predicted"):
            continue
        found = om.datasets.get(name)
        frame = found.to_frame() if found.ndim == 1 else found
        rows = [list(map(str, row)) for row in frame.reset_index().values.tolist()]
        assert [list(map(_told, row)) for row in rows] == [
            list(map(_told, row)) for row in lines
        ], name


def _told(text: str) -> object:
    if text in ("None", "nan", "<NA>", "NaT"):
        return None
    try:
        return float(text)
    except ValueError:
        return text


def test_series_and_arrays_are_as_they_were_put(imported: Any, cases: dict[str, Any]) -> None:
    import numpy as np
    import pandas as pd

    om, _ = imported
    for name, make in cases["SERIES"].items():
        pd.testing.assert_series_equal(
            om.datasets.get(name), make(), check_index_type=False, obj=name
        )
    for name, make in cases["ARRAYS"].items():
        found = om.datasets.get(name)
        assert found.dtype == make().dtype
        np.testing.assert_array_equal(found, make())


def test_rows_come_in_pieces_of_one_shape(imported: Any, cases: dict[str, Any]) -> None:
    import pandas as pd

    om, report = imported
    pd.testing.assert_frame_equal(
        om.datasets.get("many"), cases["many"](), check_dtype=False, check_column_type=False
    )
    assert str(om.datasets.get("many", columns=["f"]).dtypes["f"]) == "float32"
    assert len(om.datasets.metadata("many").kind_meta["batches"]) == 2
    assert outcome(report, "many").rows == 120_000


def test_what_was_appended_has_the_columns_and_dtypes_of_all(imported: Any) -> None:
    om, _ = imported
    found = om.datasets.get("appended")
    assert found.index.tolist() == [0, 1, 0]
    assert found["n"].tolist() == [1, 2, 3]
    assert found["x"].tolist() == [1.0, 2.0, 2.5]
    assert [value for value in found["y"] if isinstance(value, str)] == ["late"]
    assert str(found["n"].dtype) == "int64"


def test_a_dtype_that_the_values_do_not_fit_is_not_taken(imported: Any) -> None:
    om, report = imported
    found = om.datasets.get("narrowed")
    assert found["f"].tolist() == [0.1, 1.5]
    assert list(map(str, found.dtypes)) == ["float64", "datetime64[ms]"]
    changed = outcome(report, "narrowed").changed
    assert "column 'f': was put as float32, is float64" in changed
    assert "column 'day': was put as datetime64[s], is datetime64[ms]" in changed


def test_names_that_share_a_collection_have_the_rows_of_both_and_are_told(imported: Any) -> None:
    om, report = imported
    for name, other in (("c/1", "c_1"), ("c_1", "c/1")):
        assert om.datasets.get(name)["n"].tolist() == [1, 2]
        (told,) = outcome(report, name).changed
        assert f"shares its rows with {other!r}" in told


def test_the_report_tells_what_was_lost_before(imported: Any) -> None:
    _, report = imported
    assert any("millisecond" in text for text in outcome(report, "times").changed)
    assert any("in no order" in text for text in outcome(report, "categories").changed)
    assert any("'a.b' is called 'a_b'" in text for text in outcome(report, "renamed").changed)
    assert any(
        "column 'x': was put as" in text for text in outcome(report, "appended").changed
    ) is (False)
    assert outcome(report, "numbers").changed == []


def test_groups_are_a_frame_that_repeats_no_row(imported: Any, cases: dict[str, Any]) -> None:
    om, report = imported
    found = om.datasets.get("grouped")
    put = cases["grouped"]()
    assert sorted(map(tuple, found[["k", "v", "w"]].values.tolist())) == sorted(
        map(tuple, put.values.tolist())
    )
    assert outcome(report, "grouped").kind == "pandas.dataframe"


def test_revisions_are_the_state_after_all_of_them(imported: Any) -> None:
    om, report = imported
    found = om.datasets.get("revised")
    assert (found.columns.tolist(), found["n"].tolist()) == (["n"], [7, 2])
    assert "2 revisions" in outcome(report, "revised").changed[0]


# --- data, files, notebooks ----------------------------------------------------------------------


def test_data_is_what_get_returned_there(imported: Any, written: Written) -> None:
    om, report = imported
    for name, found in written[1]["data"].items():
        assert om.datasets.get(name) == found
        assert outcome(report, name).kind == "python.data"


def test_documents_are_rows(imported: Any, cases: dict[str, Any]) -> None:
    om, _ = imported
    assert om.datasets.get("documents") == cases["DOCUMENTS"]


def test_files_of_each_bucket_are_the_bytes_that_were_put(
    imported: Any, cases: dict[str, Any]
) -> None:
    om, report = imported
    for bucket in ("default", "team"):
        with om[bucket].datasets.get("files/bytes") as file:
            assert file.read() == cases["FILE"]
        assert outcome(report, "files/bytes", bucket).bytes == len(cases["FILE"])
    attributes = dict(om.datasets.metadata("files/bytes").attributes)
    assert attributes.pop("omegaml")["kind"] == "python.file"
    assert attributes == {"owner": {"name": "ann", "since": 2020}}
    assert om["team"].datasets.get("numbers")["n"].tolist() == [5]


def test_notebooks_are_jobs_and_schedules_are_told(imported: Any) -> None:
    om, report = imported
    assert om.jobs.list() == ["reports/daily.ipynb", "timed.ipynb"]
    assert om.jobs.get("reports/daily.ipynb").cells[0].source == "print('hello')"
    (told,) = outcome(report, "timed.ipynb").changed
    assert "'--cron" not in told
    assert '"0 6 * * *"' in told


def test_what_is_not_imported_is_told_with_what_to_do(imported: Any) -> None:
    om, report = imported
    not_here = {o.name: o for o in report.objects if not o.is_here}
    assert set(not_here) == set(LEFT_OUT)
    for name, remedy in LEFT_OUT.items():
        assert not_here[name].status == "left out"
        assert remedy in not_here[name].reason
    assert not report.complete
    # .hidden, .revisions.revised and .experiments/trial
    assert report.hidden == 3
    assert not [name for name in om.datasets.list(hidden=True) if name.startswith(".")]


def test_what_is_large_is_never_whole_in_memory(
    written: Written,
    cases: dict[str, Any],
    make_omega: MakeOmega,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from omega_core.omegaml import import_database, readings

    monkeypatch.setattr(readings, "_LARGE", 0)
    monkeypatch.setattr(readings, "_BLOCK", 16)
    om = make_omega()
    report = import_database(om, written[0], only=["arrays/matrix", "data/twice", "data/list"])
    assert (om.datasets.get("arrays/matrix") == cases["ARRAYS"]["arrays/matrix"]()).all()
    assert len(om.datasets.metadata("arrays/matrix").kind_meta["batches"]) == 3
    assert outcome(report, "data/twice").kind == "python.rows"
    assert om.datasets.get("data/twice") == cases["DATA"]["data/twice"]
    # A list that is no list of dicts: said, and no reason to stop.
    assert outcome(report, "data/list").status == "failed"


# --- models --------------------------------------------------------------------------------------


@pytest.fixture
def models(make_omega: MakeOmega, written: Written) -> Any:
    from omega_core.omegaml import import_database

    om = make_omega(security={"pickle": "allow"}, stores={"keep": {"models": 2}})
    return om, import_database(om, written[0], kind="sklearn.*")


def test_versions_of_models_are_versions_and_tags_are_aliases(
    models: Any, make_omega: MakeOmega, written: Written
) -> None:
    om, report = models
    assert report.complete
    assert outcome(report, "line").versions == 3
    versions = om.models.versions("line")
    assert [meta.attributes["note"] for meta in versions] == ["not fitted", "not fitted", "last"]
    assert not any("versions" in meta.attributes for meta in versions)
    assert sorted(om.models.aliases("line")) == ["_2024", "first"]
    assert "the tag '2024' is the alias '_2024'" in outcome(report, "line").changed
    X = [[0.0], [1.0], [2.0]]
    # As skops, so that nobody has to allow pickles to read them from now on.
    careful = make_omega()
    assert careful.models.get("line").predict(X).tolist() == written[1]["predicted"]
    assert careful.models.get("line", version="_2024").coef_.tolist() == pytest.approx([2.0])
    assert not hasattr(careful.models.get("line", version="first"), "coef_")


def test_a_file_of_hdf_needs_pytables_and_trust(written: Written, make_omega: MakeOmega) -> None:
    from omega_core.omegaml import import_database

    om = make_omega(security={"pickle": "allow"})
    found = outcome(import_database(om, written[0], only="hdf"), "hdf")
    if find_spec("tables") is None:
        assert (found.status, "pip install tables" in found.reason) == ("left out", True)
    else:
        assert om.datasets.get("hdf")["n"].tolist() == [1]


def test_versions_beyond_those_that_stay_are_left_out_and_told(models: Any) -> None:
    om, report = models
    found = outcome(report, "many versions")
    assert found.versions == 2
    assert "2 older versions without a tag are left out" in found.changed[0]
    assert [om.models.get("many versions", version=n).n_jobs for n in (1, 2)] == [3, 4]


# --- again, and in part --------------------------------------------------------------------------


def test_the_source_is_only_read(written: Written, make_omega: MakeOmega) -> None:
    from omega_core.omegaml import import_database

    before = content(written[0])
    om = make_omega(security={"pickle": "allow"})
    import_database(om, written[0], dry_run=True)
    assert not [*om.datasets, *om.models, *om.jobs]
    import_database(om, written[0], replace=True)
    assert len(om.datasets) > 20
    assert content(written[0]) == before


def test_twice_imports_nothing_twice(models: Any, written: Written) -> None:
    from omega_core.omegaml import import_database

    om, _ = models
    again = import_database(om, written[0], kind="sklearn.*", replace=True)
    assert [o.status for o in again.objects] == ["present", "present"]
    assert len(om.models.versions("line")) == 3


class Killed(BaseException):
    """As a signal, it is no error of an object."""


@pytest.mark.parametrize("step", range(1, 11))
def test_a_run_that_is_killed_at_any_step_is_continued(
    step: int, written: Written, make_omega: MakeOmega, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omega_core import Metadata, OmegaStore
    from omega_core.omegaml import import_database

    om = make_omega(security={"pickle": "allow"})
    steps: list[str] = []

    def dying(method: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            done = method(*args, **kwargs)
            steps.append(method.__name__)
            if len(steps) == step:
                raise Killed
            return done

        return call

    with monkeypatch.context() as patch:
        for name in ("put", "alias"):
            patch.setattr(OmegaStore, name, dying(getattr(OmegaStore, name)))
        # The first saves are those of puts.
        patch.setattr(Metadata, "save", dying(Metadata.save))
        try:
            import_database(om, written[0], only="line")
        except Killed:
            pass
        else:
            assert step > len(steps), steps
    import_database(om, written[0], only="line")
    again = import_database(om, written[0], only="line")
    assert outcome(again, "line").status == "present"
    notes = [meta.attributes["note"] for meta in om.models.versions("line")]
    assert notes == ["not fitted", "not fitted", "last"]
    aliases = {name: alias.version for name, alias in om.models.aliases("line").items()}
    assert aliases == {"first": 1, "_2024": 2}


def test_a_name_that_is_taken_is_an_error_skipped_or_replaced(
    written: Written, make_omega: MakeOmega
) -> None:
    from omega_core.omegaml import import_database

    om = make_omega()
    om.datasets.put([1], "texts", attributes={"mine": True})
    report = import_database(om, written[0], only="texts")
    assert (outcome(report, "texts").status, report.complete) == ("failed", False)
    assert "--replace" in outcome(report, "texts").reason
    report = import_database(om, written[0], only="texts", skip_existing=True)
    assert (outcome(report, "texts").status, report.complete) == ("skipped", True)
    assert om.datasets.get("texts") == [1]
    report = import_database(om, written[0], only="texts", replace=True)
    assert outcome(report, "texts").status == "imported"
    assert len(om.datasets.get("texts")) == 3
    assert set(om.datasets.metadata("texts").attributes) == {"case", "omegaml"}
    assert om.datasets.get("texts", version=1) == [1]


def test_buckets_and_names_choose_what_goes_where(written: Written, make_omega: MakeOmega) -> None:
    from omega_core.omegaml import import_database

    om = make_omega()
    import_database(om, written[0], buckets={"team": "ours", "default": None}, only=["num*", ".h*"])
    assert om.buckets == ["default", "ours"]
    assert om.datasets.list(hidden=True) == [".hidden", "numbers"]
    assert om["ours"].datasets.list() == ["numbers"]


def test_without_a_plugin_its_objects_are_left_out_and_the_others_come(
    written: Written, make_omega: MakeOmega
) -> None:
    from omega_core.omegaml import import_database

    om = make_omega(plugins={"enabled": []})
    report = import_database(om, written[0])
    assert outcome(report, "texts").status == "left out"
    assert "pandas" in outcome(report, "texts").reason
    assert outcome(report, "data/dict").status == "imported"


def test_what_is_broken_there_fails_alone(
    written: Written, make_omega: MakeOmega, mongo_url: str
) -> None:
    from omega_core.omegaml import import_database

    om = make_omega()
    client: pymongo.MongoClient[Any]
    with pymongo.MongoClient(written[0]) as client:
        there = client.get_default_database()
        broken = client[om.database.mongodb.name]
        wanted = {"bucket": "omegaml", "name": {"$in": ["files/bytes", "data/dict", "texts"]}}
        documents = list(there["metadata"].find(wanted))
        for document in documents:
            if document["name"] == "texts":
                del document["collection"]
        broken["metadata"].insert_many(documents)
        data = next(d["collection"] for d in documents if d["name"] == "data/dict")
        broken[data].insert_many(there[data].find())
    report = import_database(om, f"{mongo_url}/{om.database.mongodb.name}")
    assert [(o.name, o.status) for o in report.objects] == [
        ("data/dict", "imported"),
        ("files/bytes", "failed"),
        ("texts", "left out"),
    ]
    assert "GridFS" in outcome(report, "files/bytes").reason


def test_errors_of_the_source_name_the_server_and_no_secret(
    om: Omega, mongo_url: str, mongo_database: str
) -> None:
    from omega_core.omegaml import import_database

    with pytest.raises(StoreError, match="no collection 'metadata'"):
        import_database(om, f"{mongo_url}/{mongo_database}_none")
    with pytest.raises(StoreError, match="mongodb://user:password@host:port/database"):
        import_database(om, "postgres://ann:hunter2@host/db")
    with pytest.raises(ServerError) as caught:
        import_database(om, "mongodb://ann:hunter2@127.0.0.1:9/db?serverSelectionTimeoutMS=50")
    assert "127.0.0.1:9" in str(caught.value)
    assert "hunter2" not in str(caught.value)


# --- the command ---------------------------------------------------------------------------------


def test_the_command_prints_the_report_and_ends_with_1_where_something_is_missing(
    written: Written,
    mongo_url: str,
    mongo_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)
    here = ["--url", f"{mongo_url}/{mongo_database}", "import-omegaml"]

    def run(*arguments: str, **options: Any) -> Any:
        return CliRunner().invoke(app, [*here, *arguments], **options)

    done = run("-", "--only", "texts", "--only", "function", "--json", input=f"{written[0]}\n")
    document = json.loads(done.stdout)
    assert (done.exit_code, done.stderr) == (1, "")
    assert [o["status"] for o in document["objects"]] == ["left out", "imported"]
    done = run(written[0], "--only", "texts", "--only", "c_1", "--bucket", "default=default")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "✓ 1 imported, 1 present" in done.stdout
    assert "shares its rows with 'c/1'" in done.stdout
    done = run(written[0], "--kind", "python.data", "--dry-run")
    assert done.exit_code == 0
    assert "4 planned" in done.stdout
    assert "2 hidden objects passed over" in done.stderr
    assert run(written[0], "--replace", "--skip-existing").exit_code == 2
