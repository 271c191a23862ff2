"""PTB-XL: 21,799 clinical twelve-lead ECGs with SCP statements, or a filtered part of it."""

import os
from ast import literal_eval
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import Bunch

from cardiorisk._optional import require
from cardiorisk._validation import in_lead_order
from cardiorisk.datasets._storage import RemoteArchive, find_or_download, search_folders
from cardiorisk.exceptions import DataNotFoundError, ReadError
from cardiorisk.io import read_ecg
from cardiorisk.records import STANDARD_LEADS, ECGRecord

__all__ = ["fetch_ptbxl"]

PTBXL = RemoteArchive(
    name="ptbxl",
    url=(
        "https://physionet.org/static/published-projects/ptb-xl/"
        "ptb-xl-a-large-publicly-available-electrocardiography-dataset-1.0.3.zip"
    ),
    marker="ptbxl_database.csv",
    # One original record; the rest is held to the list that came with the download.
    pinned=lambda name: name == "records100/00000/00001_lr.dat",
    pinned_sha256="ef22390800dfbbdd2f9b799d4e28142b84d446fee6881830d6b286095bceb116",
)
STATEMENTS = "scp_statements.csv"
PATHS = {100: "filename_lr", 500: "filename_hr"}
AGE_ABOVE_89 = 300  # as the table writes it
SEXES = {0: "male", 1: "female"}
ARRAYS = "ptbxl*_zscored_100hz.npz"
LABEL_PREFIX = "c24_"


def clean_metadata(table: pd.DataFrame) -> pd.DataFrame:
    """Words for the sexes, ages in years, whole numbers for patients and folds.

    An age above 89 becomes 90 with ``age_above_89`` set.
    """
    tidy = table.copy()
    tidy["age_above_89"] = tidy["age"].eq(AGE_ABOVE_89)
    tidy["age"] = tidy["age"].mask(tidy["age_above_89"], 90.0).astype(float)
    tidy["sex"] = tidy["sex"].map(SEXES)
    return tidy.astype({"patient_id": "int64", "strat_fold": "int64"})


def statement_table(codes: "pd.Series[str]", known: list[str]) -> pd.DataFrame:
    """Whether each record has each statement, at any likelihood, also 0.

    Parameters
    ----------
    codes : Series of str
        As in the database: ``"{'NORM': 100.0, 'SR': 0.0}"``.
    known : list of str
        Statements, the columns in this order.

    Raises
    ------
    ReadError
        A record has no readable statements, or one that is not known.
    """
    found = np.zeros((len(codes), len(known)), np.int8)
    place = {code: column for column, code in enumerate(known)}
    for row, (record, text) in enumerate(codes.items()):
        try:
            found[row, [place[code] for code in literal_eval(text)]] = 1
        except (KeyError, SyntaxError, TypeError, ValueError) as error:
            raise ReadError(
                f"Got scp_codes {text!r} of record {record}, but expected statements of "
                f"{STATEMENTS} with their likelihoods: {error!r}."
            ) from error
    return pd.DataFrame(found, index=codes.index, columns=known)


def fetch_ptbxl(
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    *,
    sampling_rate: int = 100,
    part: str = "any",
    verbose: bool = False,
) -> Bunch:
    """Load PTB-XL: clinical twelve-lead ECGs of 10 s with up to 71 statements each.

    The folder ``ptbxl`` is looked for in ``data_home``, in ``$CARDIORISK_DATA`` and in the cache
    folder. It holds the published files of version 1.0.3 (or some of the records), or else only
    arrays ``ptbxl*_zscored_100hz.npz`` with a table of labels: filtered waveforms without
    voltages, see ``DESCR``.

    Parameters
    ----------
    data_home : path-like, optional
        Where to look first, and where to download to instead of the cache folder.
    download_if_missing : bool, default=True
        Whether to download from PhysioNet (about 1.7 GB), checked against the published SHA-256
        of each file.
    sampling_rate : {100, 500}, default=100
        In Hz; 500 needs about 5 GB of memory.
    part : {"any", "full", "arrays"}, default="any"
        "any" takes the published files where there are some, else the arrays, else it downloads;
        "full" never takes arrays; "arrays" takes nothing else, and is never downloaded.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        ``records`` (tuple of :class:`~cardiorisk.records.ECGRecord`), ``data`` (n, 12, n_samples)
        float32, ``unit`` ("mV", or "standard deviations of the lead" of arrays), ``target``
        (DataFrame of 0 and 1, one column a statement, a class of the arrays), ``metadata``
        (DataFrame by ``ecg_id``), ``groups`` (patient; None of arrays), ``folds`` (1 to 10; None
        of arrays, whose ``metadata["split"]`` is "train" or "val"), ``statements`` (DataFrame by
        code), ``sampling_rate``, ``lead_names``, ``DESCR``.

    Raises
    ------
    DataNotFoundError
        No copy was found, none could be downloaded, or the folder holds no record.
    ReadError
        The download is damaged, or a file could not be read.
    ValueError
        ``sampling_rate`` or ``part`` is none of those above.

    References
    ----------
    Wagner et al. (2020), Sci Data 7:154, doi:10.1038/s41597-020-0495-6.
    Data: PhysioNet, doi:10.13026/kfzx-aw45, CC BY 4.0.

    Examples
    --------
    >>> ptbxl = fetch_ptbxl()  # doctest: +SKIP
    >>> ptbxl.data.shape, ptbxl.target.shape  # doctest: +SKIP
    ((21799, 12, 1000), (21799, 71))
    """
    if sampling_rate not in PATHS:
        raise ValueError(f"Got sampling_rate={sampling_rate!r}, but expected 100 or 500 Hz.")
    if part not in ("any", "full", "arrays"):
        raise ValueError(f"Got part={part!r}, but expected 'any', 'full' or 'arrays'.")
    arrays = None if part == "full" else _array_file(data_home)
    if part == "arrays" and arrays is None:
        raise DataNotFoundError(f"Got no ptbxl/{ARRAYS} in {_listed(data_home)}.")
    if arrays is not None and (part == "arrays" or not _has_full_set(data_home)):
        if sampling_rate != 100:
            raise DataNotFoundError(f"Got sampling_rate=500, but {arrays} has 100 Hz only.")
        return read_arrays(arrays)
    folder = find_or_download(PTBXL, data_home, download_if_missing, verbose)
    return read_folder(folder, sampling_rate, verbose)


def read_folder(folder: Path, sampling_rate: int, verbose: bool = False) -> Bunch:
    """Read the published files; records whose signal is not there are left out."""
    table = pd.read_csv(folder / PTBXL.marker, index_col="ecg_id")
    statements = pd.read_csv(folder / STATEMENTS, index_col=0).rename_axis("code")
    paths = [folder / name for name in table[PATHS[sampling_rate]]]
    there = np.array([path.with_suffix(".hea").is_file() for path in paths], dtype=bool)
    if not there.any():
        raise DataNotFoundError(f"Got none of the {len(paths)} records of {folder / PTBXL.marker}.")
    metadata = clean_metadata(table[there])
    found = [path for path, is_there in zip(paths, there, strict=True) if is_there]
    data = np.empty((len(found), len(STANDARD_LEADS), sampling_rate * 10), np.float32)
    bar = require("tqdm").tqdm(found, desc="PTB-XL", unit="record", disable=not verbose)
    for row, path in enumerate(bar):
        signal = in_lead_order(read_ecg(path))
        if signal.shape != data.shape[1:]:
            raise ReadError(f"Got {path} of shape {signal.shape}, expected {data.shape[1:]}.")
        data[row] = signal
    patients = metadata["patient_id"].astype(str).to_numpy(str)
    return Bunch(
        unit="mV",
        target=statement_table(metadata["scp_codes"], statements.index.tolist()),
        groups=patients,
        folds=metadata["strat_fold"].to_numpy(),
        **_common(data, metadata, patients.tolist(), sampling_rate),
        statements=statements,
    )


def read_arrays(path: Path) -> Bunch:
    """Read waveforms that were filtered and divided by their spread, and their labels."""
    with np.load(path, allow_pickle=False) as stored:
        data = (stored["x"] / stored["scale"]).astype(np.float32).transpose(0, 2, 1)
        names = stored["ecg_id"]
    table = pd.read_csv(path.with_name(path.name.split("_")[0] + "_labels.csv"), index_col="ecg_id")
    if not np.array_equal(table.index, names):
        raise ReadError(f"Got {path} with other records, or another order, than its labels.")
    labels = table.filter(regex=f"^{LABEL_PREFIX}").astype(np.int8)
    statements = path.with_name(STATEMENTS)
    return Bunch(
        unit="standard deviations of the lead",
        target=labels.rename(columns=lambda name: name.removeprefix(LABEL_PREFIX)),
        groups=None,
        folds=None,
        **_common(np.ascontiguousarray(data), table.drop(columns=labels.columns), None, 100),
        statements=pd.read_csv(statements, index_col=0) if statements.is_file() else None,
    )


def _common(
    data: npt.NDArray[np.float32],
    metadata: pd.DataFrame,
    patients: list[str] | None,
    sampling_rate: int,
) -> dict[str, Any]:
    owners: list[str | None] = [None] * len(data) if patients is None else list(patients)
    records = tuple(
        ECGRecord(signal, float(sampling_rate), STANDARD_LEADS, str(name), owner)
        for signal, name, owner in zip(data, metadata.index, owners, strict=True)
    )
    description = files("cardiorisk.datasets") / "data" / "ptbxl.md"
    return {
        "records": records,
        "data": data,
        "metadata": metadata,
        "sampling_rate": float(sampling_rate),
        "lead_names": STANDARD_LEADS,
        "DESCR": description.read_text(encoding="utf-8"),
    }


def _folders(data_home: Any) -> list[Path]:
    return [folder / PTBXL.name for folder in search_folders(data_home)]


def _has_full_set(data_home: Any) -> bool:
    return any((folder / PTBXL.marker).is_file() for folder in _folders(data_home))


def _array_file(data_home: Any) -> Path | None:
    found = (path for folder in _folders(data_home) for path in sorted(folder.glob(ARRAYS)))
    return next(found, None)


def _listed(data_home: Any) -> str:
    return " and ".join(str(folder) for folder in _folders(data_home))
