"""The Lobachevsky University ECG database (LUDB), with marks by cardiologists."""

import os
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import Bunch

from cardiorisk._optional import require
from cardiorisk._validation import in_lead_order
from cardiorisk.datasets._mit_annotations import read_wave_marks
from cardiorisk.datasets._storage import RemoteArchive, find_or_download
from cardiorisk.exceptions import DataNotFoundError, ReadError
from cardiorisk.io import read_ecg
from cardiorisk.records import MARKS, STANDARD_LEADS, Delineation, ECGRecord

__all__ = ["fetch_ludb"]

LUDB = RemoteArchive(
    name="ludb",
    url=(
        "https://physionet.org/static/published-projects/ludb/"
        "lobachevsky-university-electrocardiography-database-1.0.1.zip"
    ),
    marker="ludb.csv",
    # The odd records and the table; the rest is held to the list that came with the download.
    pinned=lambda name: name == "ludb.csv" or bool(re.match(r"data/\d*[13579]\.", name)),
    pinned_sha256="4d4e1e7195b8d3d53d0b01b9ba87f2285558674308a69c0aa61672d0da9bdd92",
)

COLUMNS = {
    "Rhythms": "rhythm",
    "Electric axis of the heart": "electric_axis",
    "Conduction abnormalities": "conduction",
    "Extrasystolies": "extrasystoles",
    "Hypertrophies": "hypertrophy",
    "Cardiac pacing": "pacing",
    "Ischemia": "ischemia",
    "Non-specific repolarization abnormalities": "repolarization",
    "Other states": "other",
}
BEAT_GAP = 0.150  # s: one beat's R marks lie closer between leads, two beats' further apart
UV_PER_COUNT = 1.0
FIRST_MARK = {"p": MARKS.index("P_on"), "N": MARKS.index("QRS_on"), "t": MARKS.index("T_on")}


def clean_metadata(table: pd.DataFrame) -> pd.DataFrame:
    """Turn ludb.csv into one tidy row a record, indexed by ``record_id`` (str).

    Several findings of one cell are joined with ``"; "``; no finding is an empty string. An age
    of ">89" becomes 90 with ``age_above_89`` set.
    """
    text = table.astype("string").fillna("").apply(lambda column: column.str.strip())
    age = text["Age"]
    findings = {
        short: text[column].str.replace("\n", "; ", regex=False)
        for column, short in COLUMNS.items()
    }
    axis = findings["electric_axis"].str.removeprefix("Electric axis of the heart: ")
    tidy = pd.DataFrame(
        {
            "sex": text["Sex"],
            "age": pd.to_numeric(age.replace(">89", "90"), errors="coerce").astype("float64"),
            "age_above_89": age.eq(">89").astype(bool),
            **findings | {"electric_axis": axis},
        }
    )
    texts = dict.fromkeys(tidy.select_dtypes("string"), object)
    return tidy.astype(texts).set_index(pd.Index(text["ID"], name="record_id", dtype=object))


def lead_waves(symbols: npt.NDArray[Any], samples: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Arrange the marks of one lead, shape (n_beats, 9) in the order of ``MARKS``.

    A boundary belongs to the wave that it touches. A P wave belongs to the QRS that follows it,
    a T wave to the QRS before it; a wave without one is left out.
    """
    is_peak = np.isin(symbols, list(FIRST_MARK))
    peaks = np.flatnonzero(is_peak)
    kinds = symbols[peaks]
    is_beat = kinds == "N"
    marks = np.full((int(is_beat.sum()), len(MARKS)), np.nan)
    beat_of = np.cumsum(is_beat) - 1
    for position, (peak, kind, beat) in enumerate(zip(peaks, kinds, beat_of, strict=True)):
        row = beat + 1 if kind == "p" else beat
        follows = position + 1 < len(kinds) and kinds[position + 1] == "N"
        attached = follows if kind == "p" else position > 0 and kinds[position - 1] == "N"
        if kind != "N" and not attached:
            continue
        first = FIRST_MARK[kind]
        marks[row, first + 1] = samples[peak]
        if peak > 0 and symbols[peak - 1] == "(":
            marks[row, first] = samples[peak - 1]
        if peak + 1 < len(symbols) and symbols[peak + 1] == ")":
            marks[row, first + 2] = samples[peak + 1]
    return marks


def align_beats(
    leads: list[npt.NDArray[np.float64]], sampling_rate: float
) -> npt.NDArray[np.float64]:
    """Put the beats of all leads on one axis, shape (n_leads, n_beats, 9)."""
    r_peak = MARKS.index("R_peak")
    peaks = np.concatenate([lead[:, r_peak] for lead in leads])
    order = np.argsort(peaks, kind="stable")
    is_new = np.diff(peaks[order], prepend=-np.inf) > BEAT_GAP * sampling_rate
    beat = np.empty(len(peaks), int)
    beat[order] = np.cumsum(is_new) - 1
    aligned = np.full((len(leads), int(is_new.sum()), len(MARKS)), np.nan)
    start = 0
    for number, lead in enumerate(leads):
        aligned[number, beat[start : start + len(lead)]] = lead
        start += len(lead)
    return aligned


def read_marks(path: Path, sampling_rate: float) -> Delineation:
    """Read the marks of one record from the annotation files beside ``path`` (no suffix)."""
    leads = []
    for name in STANDARD_LEADS:
        file = path.with_suffix(f".{name.lower()}")
        leads.append(
            lead_waves(*read_wave_marks(file)) if file.is_file() else np.empty((0, len(MARKS)))
        )
    aligned = align_beats(leads, sampling_rate)
    consensus = [pd.DataFrame(aligned[..., mark]).median().to_numpy() for mark in range(len(MARKS))]
    return Delineation(
        tuple(dict(zip(MARKS, lead.T, strict=True)) for lead in aligned),
        dict(zip(MARKS, consensus, strict=True)),
        sampling_rate,
    )


def in_counts(record: ECGRecord, path: Path) -> ECGRecord:
    """Undo the gains and baselines of a header: 1 uV a count in all leads."""
    header = require("wfdb", extra="ecg").rdheader(str(path.with_suffix("")))
    gains, baselines = (
        np.array(column, float)[:, None] for column in (header.adc_gain, header.baseline)
    )
    counts = record.signal * gains + baselines
    return replace(record, signal=(counts * UV_PER_COUNT / 1000).astype(np.float32))


def fetch_ludb(
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    *,
    amplitudes: str = "header",
    verbose: bool = False,
) -> Bunch:
    """Load LUDB: real twelve-lead ECGs whose waves cardiologists marked in every lead.

    200 patients, one record each, 10 s at 500 Hz. A folder that holds only some of the records
    is fine: those are returned. The folder ``ludb`` (with ``ludb.csv`` and ``data/``) is looked
    for in ``data_home``, in ``$CARDIORISK_DATA`` and in the cache folder, and downloaded from
    PhysioNet if it is in none of them. See ``DESCR`` for what to know before using it.

    Parameters
    ----------
    data_home : path-like, optional
        Where to look first, and where to download to instead of the cache folder.
    download_if_missing : bool, default=True
        Whether to download (about 28 MB), checked against the published SHA-256 of each file.
    amplitudes : {"header", "counts"}, default="header"
        ``"header"`` follows the files, whose gains make every lead 1 mV from its lowest to its
        highest sample: amplitudes then say nothing. ``"counts"`` takes one converter count as
        1 uV in all leads. It restores III = II - I exactly and gives usual voltages, but no
        document states it: see ``DESCR``.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        ``records`` (tuple of :class:`~cardiorisk.records.ECGRecord`), ``data`` (n_records, 12,
        5000) in mV, ``marks`` (tuple of :class:`~cardiorisk.records.Delineation`; ``beats`` is
        the median over leads), ``metadata`` (DataFrame by record), ``target`` (1 where a
        conduction disorder is listed, else 0), ``target_names``, ``groups`` (patient),
        ``sampling_rate``, ``lead_names``, ``DESCR``.

    Raises
    ------
    DataNotFoundError
        No copy was found, none could be downloaded, or the folder holds no record.
    ReadError
        The download is damaged, or a record could not be read.
    ValueError
        ``amplitudes`` is neither "header" nor "counts".

    References
    ----------
    Kalyakulina et al. (2020), IEEE Access 8:186181-186190, doi:10.1109/ACCESS.2020.3029211.
    Data: PhysioNet, doi:10.13026/eegm-h675, ODC Attribution 1.0.

    Examples
    --------
    >>> ludb = fetch_ludb()  # doctest: +SKIP
    >>> ludb.records[0], ludb.marks[0]  # doctest: +SKIP
    (ECGRecord('1', 12 leads, 10 s at 500 Hz), Delineation(8 beats, 12 leads at 500 Hz))
    """
    if amplitudes not in ("header", "counts"):
        raise ValueError(f"Got amplitudes={amplitudes!r}, but expected 'header' or 'counts'.")
    folder = find_or_download(LUDB, data_home, download_if_missing, verbose)
    headers = sorted((folder / "data").glob("*.hea"), key=lambda path: int(path.stem))
    if not headers:
        raise DataNotFoundError(f"Got no record in {folder / 'data'}, but expected *.hea files.")
    names = [path.stem for path in headers]
    metadata = clean_metadata(pd.read_csv(folder / LUDB.marker))
    if unknown := [name for name in names if name not in metadata.index]:
        raise ReadError(f"Got records {', '.join(unknown)}, but {LUDB.marker} has no row for them.")
    metadata = metadata.loc[names]
    progress = require("tqdm").tqdm(headers, desc="LUDB", unit="record", disable=not verbose)
    records, marks = [], []
    for path in progress:
        record = read_ecg(path)
        if amplitudes == "counts":
            record = in_counts(record, path)
        records.append(_with_metadata(record, path.stem, metadata.loc[path.stem].to_dict()))
        marks.append(read_marks(path.with_suffix(""), record.sampling_rate))
    return Bunch(
        records=tuple(records),
        data=np.stack([record.signal for record in records]),
        metadata=metadata,
        marks=tuple(marks),
        target=metadata["conduction"].ne("").to_numpy(dtype="int64"),
        target_names=np.array(["no conduction disorder", "conduction disorder"]),
        groups=np.array(names),
        sampling_rate=records[0].sampling_rate,
        lead_names=STANDARD_LEADS,
        DESCR=(files("cardiorisk.datasets") / "data" / "ludb.md").read_text(encoding="utf-8"),
    )


def _with_metadata(record: ECGRecord, name: str, row: dict[str, Any]) -> ECGRecord:
    """Give a record its patient, its row of the table and the standard order of leads."""
    return replace(
        record,
        signal=in_lead_order(record),
        lead_names=STANDARD_LEADS,
        record_id=name,
        subject_id=name,
        metadata={**record.metadata, **row},
    )
