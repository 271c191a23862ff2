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


def test_simulated_ecg(tmp_path):
    assert "median absolute error" in run("simulated_ecg.py", tmp_path)
    assert len(list(tmp_path.glob("*.png"))) >= 8


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
