import numpy as np
import pandas as pd
import pytest

from cardiorisk.cli import main
from cardiorisk.io import write_meds
from cardiorisk.records import PatientHistories

pytest.importorskip("gensim")
pytest.importorskip("pyarrow")

FAILURE = "88805009"


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A Synthea export of 90 people, of whom 15 get heart failure after hypertension."""
    rng = np.random.default_rng(0)
    rows, people = [], []
    for number in range(90):
        name = f"secret-{number:03d}"
        born = "1950-02-01" if number % 2 else "1951-05-01"
        people.append((name, born, "", "F" if number % 3 else "M", "white"))
        codes = rng.choice([59621000, 44054006, 55822004, 1, 2, 3], size=8)
        days = np.sort(rng.integers(0, 2000, 8))
        rows += [(name, day, str(code)) for day, code in zip(days, codes, strict=True)]
        if number < 15:
            rows += [(name, 2000 - 30 * step, "59621000") for step in range(4)]
            rows.append((name, 2001 + number, FAILURE))
    folder = tmp_path_factory.mktemp("synthea")
    columns = ["Id", "BIRTHDATE", "DEATHDATE", "GENDER", "RACE"]
    pd.DataFrame(people, columns=columns).to_csv(folder / "patients.csv", index=False)
    events = pd.DataFrame(rows, columns=["PATIENT", "day", "CODE"])
    start = pd.Timestamp("2010-01-01") + pd.to_timedelta(events.pop("day"), "D")
    events.insert(0, "START", start.dt.strftime("%Y-%m-%d"))
    events["DESCRIPTION"] = "words <b>of</b> " + events["CODE"]
    events.to_csv(folder / "conditions.csv", index=False)
    return folder


QUICK = ("--vector-size", "4", "--refits", "0", "--patients", "1", "--controls", "3")


def test_from_the_tables_to_a_report(tables, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("cardiorisk.cli.ehr.PENALTIES", (0.1, 1.0))  # a short choice, for speed
    monkeypatch.setattr("cardiorisk.estimators._concept_heads.PENALTIES", (0.01, 0.1))
    page, table = tmp_path / "hf.html", tmp_path / "comparison.csv"
    arguments = ["ehr", "hf", "--source", "synthea", tables, "--output", page]
    assert main([*map(str, arguments), *QUICK, "--comparison", str(table)]) == 0
    said = capsys.readouterr().out
    assert "15 cases, 45 controls" in said
    assert "Only 15 cases" in said
    assert "secret-" not in said
    html = page.read_text()
    assert "secret-" not in html
    assert "words &lt;b&gt;of&lt;/b&gt; 59621000" in html
    assert "days before" in html
    names = pd.read_csv(table)["representation"].tolist()
    assert names[0] == "embedding"
    assert {"one-hot codes", "random vectors"} <= set(names)


def test_too_few_cases_are_told_in_one_line(tmp_path, capsys):
    events = pd.DataFrame(
        {
            "subject_id": [1, 1, 2],
            "time": ["2020-01-01", "2020-06-01", "2019-01-01"],
            "code": ["ICD10CM//I10", "ICD10CM//I50.9", "ICD10CM//I10"],
        }
    )
    write_meds(PatientHistories.from_events(events), tmp_path / "meds")
    arguments = [
        "ehr",
        "hf",
        "--source",
        "meds",
        tmp_path / "meds",
        "--output",
        tmp_path / "a.html",
    ]
    assert main([*map(str, arguments), "--quiet"]) == 1
    assert "Got 1 cases of heart failure" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--vector-size", "0"), "--vector-size: Got 0, but expected a whole number of 1 or more"),
        (("--refits", "-1"), "--refits: Got -1, but expected a whole number from 0 to"),
        (("--controls", "1" + 24 * "0"), "but expected a whole number from 1 to 1000000"),
        (("--n-jobs", "0"), "--n-jobs: Got 0, but expected 1 or more, or -1 for all cores"),
        (("--gap", "999999999"), "--gap: Got 999999999, but expected a whole number from 0 to"),
        (("--window", "ten"), "--window: Got ten, but expected a whole number from 1 to"),
        (("--age-band", "nan"), "--age-band: Got nan, but expected a number from 0.01 to 150"),
    ],
)
def test_numbers_out_of_range_are_told_before_anything_is_read(option, words, capsys):
    arguments = ["ehr", "hf", "--source", "synthea", "nowhere", "--output", "a.html", *option]
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("once", [False, True])
def test_codes_are_pooled_as_asked(once):
    from argparse import Namespace

    from cardiorisk.cli.ehr import _models

    asked = Namespace(seed=0, vector_size=4, each_code_once=once, no_comparison=True)
    ((_, model),) = _models(asked, None, None)
    assert (model.embedding.pooling, model.embedding.binary) == (
        ("sum", True) if once else ("rate", False)
    )
