import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import cardiorisk
from cardiorisk.cli import main
from cardiorisk.cli.model import BACKENDS
from cardiorisk.cli.tables import read_table, take_column, write_table
from cardiorisk.datasets import load_heart_disease, make_ecg
from cardiorisk.estimators import CardioForestClassifier
from cardiorisk.exceptions import ReadError, TableError


@pytest.fixture(scope="module")
def heart_csv(tmp_path_factory):
    """The packaged table with identifiers, as a user would have it on disk."""
    table = load_heart_disease()
    frame = table.data.copy()
    frame.insert(0, "record_id", [f"{row:04d}" for row in range(len(frame))])
    frame["site"] = table.groups.to_numpy()
    frame["disease"] = table.target.to_numpy()
    path = tmp_path_factory.mktemp("table") / "heart.csv"
    write_table(frame, path)
    return path


@pytest.fixture(scope="module")
def model_file(heart_csv):
    path = heart_csv.parent / "heart.cardiorisk"
    arguments = ["fit", heart_csv, "--target", "disease", "--drop", "site", "--output", path]
    assert main([*map(str, arguments), "--backend", "lightgbm", "--quiet"]) == 0
    return path


@pytest.fixture(scope="module")
def ecg_folder(tmp_path_factory):
    """Three simulated records as WFDB files, and one broken header."""
    wfdb = pytest.importorskip("wfdb", reason="the ecg extra is not installed")
    folder = tmp_path_factory.mktemp("ecg")
    ecgs = make_ecg(3, random_state=0)
    for row, signal in enumerate(ecgs.data):
        wfdb.wrsamp(
            f"r{row}",
            fs=ecgs.sampling_rate,
            units=["mV"] * 12,
            sig_name=list(ecgs.lead_names),
            p_signal=signal.T.astype(float),
            fmt=["16"] * 12,
            write_dir=str(folder),
        )
    (folder / "broken.hea").write_text("broken 12 500")
    return folder


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.strip() == cardiorisk.__version__


def test_runs_as_a_module():
    command = [sys.executable, "-m", "cardiorisk", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == cardiorisk.__version__


def test_unknown_verb_is_a_usage_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["cure"])
    assert "invalid choice: 'cure'" in capsys.readouterr().err


def test_predict_gives_risks_and_sets(heart_csv, model_file, tmp_path):
    output = tmp_path / "risk.csv"
    assert main(["predict", str(model_file), str(heart_csv), "--output", str(output)]) == 0
    risks = pd.read_csv(output, dtype={"record_id": str, "set": str})
    assert risks["record_id"].iloc[7] == "0007"
    np.testing.assert_allclose(risks["risk_0"] + risks["risk_1"], 1)
    assert set(risks["set"].dropna()) <= {"0", "1", "0;1"}


def test_predict_matches_columns_by_name(heart_csv, model_file, tmp_path):
    shuffled, first, second = (tmp_path / name for name in ("s.csv", "1.csv", "2.csv"))
    table = read_table(heart_csv)
    write_table(table[table.columns[::-1]], shuffled)
    for source, output in ((heart_csv, first), (shuffled, second)):
        main(["predict", str(model_file), str(source), "--output", str(output), "--quiet"])
    assert first.read_text() == second.read_text()


def test_predict_names_the_missing_columns(heart_csv, model_file, tmp_path, capsys):
    incomplete = tmp_path / "t.csv"
    write_table(read_table(heart_csv).drop(columns=["age", "oldpeak"]), incomplete)
    arguments = ["predict", str(model_file), str(incomplete), "--output", str(tmp_path / "r.csv")]
    assert main(arguments) == 1
    assert "lacks the model's column(s) age, oldpeak" in capsys.readouterr().err


def test_report(heart_csv, model_file, tmp_path):
    output = tmp_path / "report.html"
    arguments = ["report", model_file, heart_csv, "--target", "disease", "--site", "site"]
    arguments += ["--output", output, "--patients", 1, "--quiet"]
    assert main(list(map(str, arguments))) == 0
    assert "Research use only" in output.read_text(encoding="utf-8")


def test_features_of_a_folder(ecg_folder, tmp_path, capsys):
    output = tmp_path / "features.csv"
    assert main(["features", str(ecg_folder), "--output", str(output)]) == 0
    assert "3 records, 0 of them flagged, 1 failures" in capsys.readouterr().out
    table = read_table(output)
    assert list(table["record_id"]) == ["r0", "r1", "r2"]
    assert table["heart_rate"].between(20, 250).all()
    assert "broken" in read_table(tmp_path / "features.failures.csv")["path"].iloc[0]


def test_errors_are_one_line(tmp_path, capsys):
    assert main(["features", str(tmp_path / "nowhere"), "--output", "x.csv"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("cardiorisk: error: ")
    assert error.count("\n") == 1
    assert "nowhere" in error


def test_debug_shows_the_traceback(tmp_path, capsys):
    arguments = ["predict", str(tmp_path / "m"), str(tmp_path / "t.csv"), "--output", "x.csv"]
    assert main([*arguments, "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_unknown_target_names_the_columns(heart_csv, tmp_path, capsys):
    arguments = ["fit", heart_csv, "--target", "death", "--output", tmp_path / "m"]
    assert main(list(map(str, arguments))) == 1
    assert "Got column 'death', but the table has record_id, age" in capsys.readouterr().err


def test_tables_are_checked(tmp_path):
    with pytest.raises(ReadError, match=r"ends in \.csv or \.tsv"):
        read_table(tmp_path / "t.xlsx")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ReadError, match="could not be read"):
        read_table(tmp_path / "empty.csv")
    (tmp_path / "header.csv").write_text("a,b\n")
    with pytest.raises(TableError, match="holds no rows"):
        read_table(tmp_path / "header.csv")
    with pytest.raises(TableError, match="missing in 1 of 2 rows"):
        take_column(pd.DataFrame({"y": [1, None]}), "y")


def test_a_measurement_is_no_class(heart_csv, tmp_path, capsys):
    arguments = ["fit", heart_csv, "--target", "chol", "--output", tmp_path / "m"]
    heart = read_table(heart_csv)
    write_table(heart[heart["chol"].notna()], tmp_path / "t.csv")
    arguments[1] = tmp_path / "t.csv"
    assert main(list(map(str, arguments))) == 1
    assert "looks like a measurement" in capsys.readouterr().err


def test_outputs_are_refused_before_the_work(ecg_folder, capsys):
    assert main(["features", str(ecg_folder), "--output", "x.parquet"]) == 1
    assert main(["features", str(ecg_folder), "--output", "x.csv", "--groups", "rythm"]) == 1
    assert "read:" not in capsys.readouterr().err  # no progress bar had started


def test_records_can_stand_for_their_subjects(ecg_folder, tmp_path):
    output = tmp_path / "deep" / "features.csv"
    arguments = ["features", str(ecg_folder), "--record-is-subject", "--quiet"]
    assert main([*arguments, "--output", str(output)]) == 0
    assert list(read_table(output)["subject_id"]) == ["r0", "r1", "r2"]


def test_the_site_is_no_predictor(heart_csv, tmp_path):
    model = tmp_path / "m"
    arguments = ["fit", heart_csv, "--target", "disease", "--site", "site", "--output", model]
    assert main([*map(str, arguments), "--backend", "lightgbm", "--quiet"]) == 0
    assert "site" not in cardiorisk.load(model).feature_names_in_


def test_backends_are_those_of_the_estimator():
    allowed = CardioForestClassifier._parameter_constraints["backend"][0]
    assert set(BACKENDS) == allowed.options


# The simulated rhythms of the demo follow from their own measurements, and it says so.
@pytest.mark.slow
@pytest.mark.filterwarnings("default::cardiorisk.exceptions.LeakageWarning")
def test_demo(tmp_path):
    assert main(["demo", "--output", str(tmp_path), "--quiet"]) == 0
    made = {path.name for path in tmp_path.iterdir()}
    assert {"heart_disease.html", "simulated_ecg.html", "heart_disease.cardiorisk"} <= made
