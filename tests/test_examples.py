"""The examples run from top to bottom, as a reader would run them."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name, folder):
    command = [sys.executable, str(EXAMPLES / name), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_class_conditional_sets(tmp_path):
    output = run("class_conditional_sets.py", tmp_path)
    assert "conditional=None" in output
    assert "conditional='class'" in output


def test_heart_failure_cohort(tmp_path):
    pytest.importorskip("gensim")
    output = run("heart_failure_cohort.py", tmp_path)
    assert "65 cases, 256 controls" in output
    assert "days before: diagnosis/" in output


def test_external_validation(tmp_path):
    output = run("external_validation.py", tmp_path)
    assert "external validation: the model came fitted" in output
    assert "Drift: 200 new rows against 303" in output
    assert (tmp_path / "external_calibration.png").exists()


def test_multilabel_sets(tmp_path):
    assert "bundle branch block" in run("multilabel_sets.py", tmp_path)


def test_digital_phenotypes(tmp_path):
    assert "6 of 6 planted pairs found, 0 false." in run("digital_phenotypes.py", tmp_path)
    assert len(list(tmp_path.glob("*.png"))) == 2


def test_protoecgnet(tmp_path):
    assert "accuracy on 40 other records" in run("protoecgnet.py", tmp_path)
    assert (tmp_path / "prototype_match.png").exists()


def test_kacq_heart(tmp_path):
    output = run("kacq_heart.py", tmp_path)
    assert "without circuits: AUROC" in output
    assert (tmp_path / "circuit.png").exists()


def test_heart_splines(tmp_path):
    pytest.importorskip("kan")
    output = run("heart_splines.py", tmp_path)
    assert "r2 of a line" in output
    assert "network without splines" in output
    assert (tmp_path / "heart_splines.png").exists()


def test_simulated_ecg(tmp_path):
    assert "median absolute error" in run("simulated_ecg.py", tmp_path)
    assert len(list(tmp_path.glob("*.png"))) >= 8


def test_leakage_guards(tmp_path):
    output = run("leakage_guards.py", tmp_path)
    assert "absence tells the site" in output
    assert "Leave one site out: 0 findings" in output
    assert "a rule on qrs_duration with random mistakes" in output
    assert "SelectKBest was fitted to all 200 rows" in output


def test_machine_measurements(tmp_path):
    assert "AUROC on 30 simulated signals" in run("machine_measurements.py", tmp_path)


def test_describe_cohort(tmp_path):
    assert "Flags: {'flat': 1}" in run("describe_cohort.py", tmp_path)
    assert "<title>Simulated electrocardiogram" in (tmp_path / "ecg.svg").read_text(
        encoding="utf-8"
    )


def test_signal_quality(tmp_path):
    output = run("signal_quality.py", tmp_path)
    assert "swapped_leads" in output
    assert "Grade after the filter: 1.0" in output


def test_read_formats(tmp_path):
    output = run("read_formats.py", tmp_path)
    assert output.count("largest difference") == 2
    assert output.count("70.") + output.count("69.9") >= 2


@pytest.mark.slow
def test_heart_disease_report(tmp_path):
    assert "leave-one-site-out" in run("heart_disease_report.py", tmp_path).lower()
    assert (tmp_path / "heart_disease.html").stat().st_size < 420_000


@pytest.mark.slow
@pytest.mark.real_data
def test_ludb_conduction(tmp_path, data_folder):
    output = run("ludb_conduction.py", tmp_path)
    assert "AUROC" in output
    report = (tmp_path / "ludb_conduction.html").read_text(encoding="utf-8")
    assert report.count("<svg") > 4


def test_concept_embedding(tmp_path):
    output = run("concept_embedding.py", tmp_path)
    assert "ConceptQuality(purity" in output
    assert " days (+" in output
    assert (tmp_path / "concepts.png").exists()
