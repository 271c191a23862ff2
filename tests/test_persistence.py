import io
import json
import os
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from model_files import forge, members_of, write_members
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import cardiorisk
from cardiorisk.datasets import load_heart_disease, make_ecg
from cardiorisk.estimators import CardioForestClassifier
from cardiorisk.exceptions import (
    OptionalDependencyError,
    ReadError,
    VersionWarning,
)
from cardiorisk.explain import ConformalClassifier
from cardiorisk.features import ClinicalTable, ECGFeatures

PREDICT_ELSEWHERE = """
import sys, warnings
import numpy as np, pandas as pd
warnings.simplefilter("error")
import cardiorisk
folder = sys.argv[1]
table = pd.read_pickle(f"{folder}/table.pkl")
signals = np.load(f"{folder}/signals.npy")
for name in sys.argv[2:]:
    model = cardiorisk.load(f"{folder}/{name}.cardiorisk")
    X = signals if name.startswith("ecg") else table
    out = model.predict_proba(X) if hasattr(model, "predict_proba") else model.transform(X)
    np.save(f"{folder}/{name}.npy", np.asarray(out, dtype=float))
    if hasattr(model, "predict_set"):
        np.save(f"{folder}/{name}_sets.npy", model.predict_set(X))
"""


def _heart():
    heart = load_heart_disease()
    rows = np.random.default_rng(0).choice(len(heart.data), 240, replace=False)
    return heart.data.iloc[rows], heart.target.iloc[rows], heart.schema


def _fitted_models():
    X, y, schema = _heart()
    ecg = make_ecg(3, duration=4, random_state=0)
    models = {
        f"heart_{backend}": make_pipeline(
            ClinicalTable(schema),
            CardioForestClassifier(backend=backend, n_estimators=8, random_state=0, device="cpu"),
        ).fit(X, y)
        for backend in ("forest", "xgboost", "lightgbm", "ensemble")
    }
    models["heart_table"] = ClinicalTable(schema).fit(X)
    models["heart_logistic"] = make_pipeline(
        ClinicalTable(schema), SimpleImputer(), LogisticRegression(max_iter=5000)
    ).fit(X, y)
    models["heart_split"] = ConformalClassifier(models["heart_forest"], random_state=0).fit(X, y)
    models["heart_cross"] = ConformalClassifier(
        models["heart_xgboost"], method="aps", cv=3, random_state=0
    ).fit(X, y)
    models["heart_frozen"] = ConformalClassifier(
        FrozenEstimator(models["heart_lightgbm"]), conditional="class"
    ).fit(X, y)
    models["ecg_features"] = ECGFeatures(sampling_rate=500).fit(ecg.data)
    return models, X, ecg.data


@pytest.fixture
def small(tmp_path):
    X, y = make_classification(120, random_state=0)
    model = RandomForestClassifier(5, max_depth=4, random_state=0).fit(X, y)
    path = tmp_path / "model.cardiorisk"
    cardiorisk.save(model, path)
    return path, model, X


def test_predictions_are_bit_equal_in_a_new_process(tmp_path):
    models, X, signals = _fitted_models()
    X.to_pickle(tmp_path / "table.pkl")
    np.save(tmp_path / "signals.npy", signals)
    for name, model in models.items():
        cardiorisk.save(model, tmp_path / f"{name}.cardiorisk")
    subprocess.run(
        [sys.executable, "-c", PREDICT_ELSEWHERE, str(tmp_path), *models], check=True, timeout=120
    )
    for name, model in models.items():
        data = signals if name.startswith("ecg") else X
        here = (
            model.predict_proba(data) if hasattr(model, "predict_proba") else model.transform(data)
        )
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), np.asarray(here, float))
        if hasattr(model, "predict_set"):
            np.testing.assert_array_equal(
                np.load(tmp_path / f"{name}_sets.npy"), model.predict_set(data)
            )


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        GaussianNB(),
        ExtraTreesClassifier(3, random_state=0),
        CalibratedClassifierCV(RandomForestClassifier(3, random_state=0), cv=2),
        CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2),
        CalibratedClassifierCV(LogisticRegression(), method="temperature", cv=2),
        make_pipeline(StandardScaler(), FunctionTransformer(np.tanh), LogisticRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_scikit_learn_models_come_back_the_same(model, tmp_path):
    X, y = make_classification(100, random_state=0)
    cardiorisk.save(model.fit(X, y), tmp_path / "m")
    again = cardiorisk.load(str(tmp_path / "m"))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert str(again.get_params()) == str(model.get_params())


def test_isolation_forest_passes_the_tree_check(tmp_path):
    X, _ = make_classification(100, random_state=0)
    model = IsolationForest(n_estimators=4, max_features=0.5, random_state=0).fit(X)
    cardiorisk.save(model, tmp_path / "m")
    np.testing.assert_array_equal(
        cardiorisk.load(tmp_path / "m").score_samples(X), model.score_samples(X)
    )


def test_unfitted_model_and_parameters_survive(tmp_path):
    _, _, schema = _heart()
    model = make_pipeline(
        ClinicalTable(schema), CardioForestClassifier(class_weight={0: 1, 1: 2.5})
    )
    cardiorisk.save(model, tmp_path / "m")
    again = cardiorisk.load(tmp_path / "m")
    assert again[0].schema == schema
    assert str(again[1].get_params()) == str(model[1].get_params())


def test_manifest_tells_what_is_inside(small):
    path, _, _ = small
    manifest = json.loads(members_of(path)["cardiorisk.json"])
    assert manifest["format_version"] == 1
    assert manifest["model"]["class"].endswith("RandomForestClassifier")
    assert manifest["model"]["classes"] == ["0", "1"]
    assert manifest["model"]["n_features_in"] == 20
    assert manifest["types"] == ["sklearn.tree._tree.Tree"]
    assert manifest["versions"]["cardiorisk"] == cardiorisk.__version__
    assert "xgboost" not in manifest["versions"]


def test_failed_save_leaves_the_old_file_alone(small, monkeypatch):
    path, model, X = small

    def _full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", _full_disk)
    with pytest.raises(OSError, match="no space"):
        cardiorisk.save(GaussianNB(), path)
    monkeypatch.undo()
    assert os.listdir(path.parent) == [path.name]
    np.testing.assert_array_equal(cardiorisk.load(path).predict_proba(X), model.predict_proba(X))


class Foreign(BaseEstimator):
    def fit(self, X, y):
        return self


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Foreign(), r"Foreign cannot be saved: it holds .*Foreign, not in"),
        (FunctionTransformer(os.system), r"it holds \w+\.system, not in"),
        (FunctionTransformer(lambda X: X), "<lambda>"),
        (GradientBoostingClassifier().fit([[0], [1]], [0, 1]), "LossNode"),
        ({"a": 1}, "Got dict, but expected an estimator"),
        (LogisticRegression, "Got .*, but expected an estimator"),
    ],
    ids=["class", "function", "lambda", "node", "dict", "type"],
)
def test_save_refuses_what_load_would(model, message, tmp_path):
    with pytest.raises(TypeError, match=message):
        cardiorisk.save(model, tmp_path / "m")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "File is not a zip file"),
        (b"\x80\x04N.", "File is not a zip file"),
        ("plain zip", r"it has no cardiorisk\.json"),
        ({"format_version": 2}, "format version 2 and this cardiorisk reads up to 1; upgrade"),
        ({"format_version": "1"}, "format version '1'"),
        ({"versions": None}, "not what it should be"),
    ],
)
def test_other_files_are_told_from_model_files(small, content, reason):
    path, *_ = small
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, str):
        write_members(path, {"readme": content})
    else:
        forge(path, members_of(path)["model.skops"], **content)
    with pytest.raises(ReadError, match=reason):
        cardiorisk.load(path)


def test_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        cardiorisk.load(tmp_path / "none")


def test_other_versions_are_named_and_patches_are_not(small):
    path, model, X = small
    members = members_of(path)
    versions = json.loads(members["cardiorisk.json"])["versions"]
    major, minor, *_ = versions["scikit-learn"].split(".")
    other = versions | {"scikit-learn": f"{major}.{int(minor) - 1}.0", "python": "3.0"}
    with pytest.warns(VersionWarning, match=rf"scikit-learn {major}\.\d+\.0 \(here") as caught:
        again = cardiorisk.load(forge(path, members["model.skops"], versions=other))
    assert "numpy" not in str(caught[0].message)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    patch = versions | {"scikit-learn": f"{major}.{minor}.99"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cardiorisk.load(forge(path, members["model.skops"], versions=patch))


def test_package_that_is_missing_here_is_named(tmp_path, monkeypatch):
    X, y = make_classification(40, random_state=0)
    model = CardioForestClassifier(backend="lightgbm", n_estimators=2, device="cpu").fit(X, y)
    cardiorisk.save(model, tmp_path / "m")
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(OptionalDependencyError, match="needs the package 'lightgbm'"):
        cardiorisk.load(tmp_path / "m")


def test_saving_is_not_pickling(small):
    path, *_ = small
    with zipfile.ZipFile(io.BytesIO(members_of(path)["model.skops"])) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            assert name == "schema.json" or content.startswith(b"\x93NUMPY")


def test_feature_names_and_string_labels_survive(tmp_path):
    X, y = make_classification(80, n_features=5, random_state=0)
    frame = pd.DataFrame(X, columns=["age", "sex", "chol [mg/dl]", "a<b", "é"])
    model = CardioForestClassifier(backend="xgboost", n_estimators=3, device="cpu")
    model.fit(frame, np.where(y, "sick", "well"))
    cardiorisk.save(model, tmp_path / "m")
    again = cardiorisk.load(tmp_path / "m")
    assert list(again.feature_names_in_) == list(frame.columns)
    assert list(again.classes_) == ["sick", "well"]
    assert (again.predict(frame) == model.predict(frame)).all()
