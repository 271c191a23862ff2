"""The MIT-BIH arrhythmia database, with every beat marked."""

import os
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.utils import Bunch

from cardiorisk._optional import require
from cardiorisk.datasets._storage import RemoteArchive, find_or_download
from cardiorisk.exceptions import DataNotFoundError, ReadError
from cardiorisk.io import read_ecg
from cardiorisk.records import ECGRecord

__all__ = ["fetch_mitdb"]

MITDB = RemoteArchive(
    name="mitdb",
    url=(
        "https://physionet.org/static/published-projects/mitdb/"
        "mit-bih-arrhythmia-database-1.0.0.zip"
    ),
    marker="100.dat",
    # One record; the rest is held to the list that came with the download.
    pinned=lambda name: name in ("100.dat", "100.atr"),
    pinned_sha256="8eecdd0fb6ed3fc5207c07077cc51c23509c64747e0806b70e698352604192e3",
)
SAMPLING_RATE = 360.0  # Hz
BEAT_SYMBOLS = tuple(
    "NLRBAaJSVrFejnE/fQ?"
)  # https://archive.physionet.org/physiobank/annotations.shtml
UNKNOWN_TYPE = "?"
FIRST_LEADS = {"102": "V5", "104": "V5", "114": "V5"}  # of the other records it is MLII
SAME_PATIENT = {"202": "201"}


class MarkedRecord(NamedTuple):
    """A record, the sample of each beat and the letter of its type, both (n_beats,)."""

    record: ECGRecord
    beats: npt.NDArray[np.int64]
    types: npt.NDArray[np.str_]


def _identified(record: ECGRecord, name: str) -> ECGRecord:
    return replace(record, record_id=name, subject_id=SAME_PATIENT.get(name, name))


def read_marked(path: Path) -> MarkedRecord:
    """Read a WFDB record and the beats of its ``.atr`` file; ``path`` has no suffix."""
    record = _identified(read_ecg(path), path.name)
    try:
        marks = require("wfdb", extra="ecg").rdann(str(path), "atr")
    except (OSError, ValueError, IndexError) as error:
        raise ReadError(f"Got {path}.atr, but its marks cannot be read: {error}.") from error
    symbols = np.array(marks.symbol, dtype="U1")
    is_beat = np.isin(symbols, BEAT_SYMBOLS)
    return MarkedRecord(record, np.asarray(marks.sample, np.int64)[is_beat], symbols[is_beat])


def read_first_leads(path: Path) -> Iterator[MarkedRecord]:
    """Read the first leads of several records from one file of arrays, see ``DESCR``."""
    with np.load(path, allow_pickle=False) as arrays:
        gain = np.float32(arrays["gain"])
        for name in (key.removeprefix("ecg_") for key in arrays if key.startswith("ecg_")):
            signal = np.asarray(arrays[f"ecg_{name}"] / gain, np.float32)[None]
            lead = FIRST_LEADS.get(name, "MLII")
            record = _identified(ECGRecord(signal, SAMPLING_RATE, (lead,)), name)
            beats = arrays[f"r_{name}"].astype(np.int64)
            is_v = np.isin(beats, arrays[f"pvc_{name}"])
            yield MarkedRecord(record, beats, np.where(is_v, "V", UNKNOWN_TYPE))


def fetch_mitdb(
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    *,
    verbose: bool = False,
) -> Bunch:
    """Load the MIT-BIH arrhythmia database: half-hour ECGs with every beat marked.

    48 records of 47 patients, two leads at 360 Hz. A folder that holds only some of the records
    is fine: those are returned. The folder ``mitdb`` is looked for in ``data_home``, in
    ``$CARDIORISK_DATA`` and in the cache folder, and downloaded from PhysioNet if it is in none
    of them. See ``DESCR`` for what to know before using it.

    Parameters
    ----------
    data_home : path-like, optional
        Where to look first, and where to download to instead of the cache folder.
    download_if_missing : bool, default=True
        Whether to download (about 74 MB), checked against the published SHA-256 of each file.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        ``records`` (tuple of :class:`~cardiorisk.records.ECGRecord`), ``beats`` (tuple of int
        arrays, the samples of the marked beats), ``beat_types`` (tuple of str arrays, the
        database's letter of each beat), ``groups`` (patient), ``sampling_rate``, ``DESCR``.

    Raises
    ------
    DataNotFoundError
        No copy was found, none could be downloaded, or the folder holds no record.
    ReadError
        The download is damaged, or a record could not be read.

    References
    ----------
    Moody and Mark (2001), IEEE Eng Med Biol Mag 20(3):45-50, doi:10.1109/51.932724.
    Data: PhysioNet, doi:10.13026/C2F305, ODC Attribution 1.0.

    Examples
    --------
    >>> mitdb = fetch_mitdb()  # doctest: +SKIP
    >>> mitdb.records[0], len(mitdb.beats[0])  # doctest: +SKIP
    (ECGRecord('100', 2 leads, 1805.56 s at 360 Hz), 2273)
    """
    folder = find_or_download(MITDB, data_home, download_if_missing, verbose)
    stems = [path.with_suffix("") for path in sorted(folder.glob("*.hea"))]
    progress = require("tqdm").tqdm(stems, desc="MIT-BIH", unit="record", disable=not verbose)
    found = {stem.name: read_marked(stem) for stem in progress}
    for path in sorted(folder.glob("mitdb*_lead0.npz")):
        for marked in read_first_leads(path):
            found.setdefault(str(marked.record.record_id), marked)
    if not found:
        raise DataNotFoundError(f"Got no record in {folder}, but expected *.hea files.")
    records, beats, types = zip(*(found[name] for name in sorted(found)), strict=True)
    return Bunch(
        records=records,
        beats=beats,
        beat_types=types,
        groups=np.array([record.subject_id for record in records]),
        sampling_rate=SAMPLING_RATE,
        DESCR=(files("cardiorisk.datasets") / "data" / "mitdb.md").read_text(encoding="utf-8"),
    )
