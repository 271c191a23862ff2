"""The benchmark of the 71 statements, on 24 records in the published layout."""

import sys
from pathlib import Path

import numpy as np
import pytest
from ptbxl_files import CODES, write_ptbxl

pytest.importorskip("torch")
pytest.importorskip("wfdb", reason="needs wfdb (extra ecg)")

from cardiorisk.datasets import fetch_ptbxl
from cardiorisk.estimators.protoecgnet.validation import macro_auroc

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SMALL = {
    "width": 4,
    "latent_dim": 8,
    "prototypes_per_class": 1,
    "backbone_epochs": 1,
    "prototype_epochs": 0,
    "joint_epochs": 1,
}


@pytest.fixture
def study(monkeypatch):
    if not BENCHMARKS.is_dir():
        pytest.skip("the benchmarks are not beside the tests")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield __import__("ptbxl71")
    for name in ("ptbxl71", "prototype_study"):
        sys.modules.pop(name, None)


def test_the_protocol_runs_on_the_published_layout(study, tmp_path, monkeypatch):
    monkeypatch.delenv("CARDIORISK_DATA", raising=False)
    (tmp_path / "ptbxl").mkdir()
    folds = np.repeat([1, 4, 8, 9, 10, 2], 4)
    write_ptbxl(tmp_path / "ptbxl", codes=CODES * 6, folds=folds, rates=(100,))
    data = fetch_ptbxl(tmp_path, part="full")
    rows = study.train_rows(data.folds)
    assert sorted(np.concatenate(list(rows.values()))) == list(range(24))
    assert set(data.folds[rows["train"]]) == {1, 2, 4, 8}
    table = study.study(data, seed=0, n_bootstraps=20, **SMALL)
    assert set(table["fold"]) == {9, 10}
    assert set(table["model"]) == {"default", "published", "black box"}
    parts = table.query("model == 'default' and fold == 10")["part"].tolist()
    assert parts == ["fusion", "rhythm", "morphology", "diffuse"]
    assert table["macro_auroc"].between(0, 1).all()
    assert (table["low"] <= table["high"]).all()
    assert (table["n_labels"] == 4).all()


def test_macro_intervals_are_those_of_scikit_learn(study):
    from prototype_study import macro_intervals

    rng = np.random.default_rng(0)
    y = (rng.random((150, 3)) < 0.3).astype(int)
    y[:, 2] = 0
    scores = {"a": y + rng.normal(size=y.shape), "b": rng.integers(0, 4, y.shape).astype(float)}
    found = macro_intervals(y, scores, np.repeat(np.arange(50), 3), n_bootstraps=200)
    for name, (value, less) in found.items():
        assert value.estimate == pytest.approx(macro_auroc(y, scores[name]))
        assert value.low < value.estimate < value.high
        expected = value.estimate - macro_auroc(y, scores["b"])
        assert less.estimate == pytest.approx(expected)
