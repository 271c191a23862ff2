"""The open demo of MIMIC-IV: 100 patients of a hospital."""

import gzip
import hashlib
import os
from importlib.resources import files
from pathlib import Path

from sklearn.utils import Bunch

from cardiorisk.datasets._storage import RemoteArchive, find_or_download
from cardiorisk.exceptions import ReadError
from cardiorisk.io.mimic import read_mimic_iv

__all__ = ["fetch_mimic_iv_demo"]

MIMIC_IV_DEMO = RemoteArchive(
    name="mimic_iv_demo",
    url=(
        "https://physionet.org/static/published-projects/mimic-iv-demo/"
        "mimic-iv-clinical-database-demo-2.2.zip"
    ),
    marker="LICENSE.txt",
    # The tables are held to the list that came with the download, and three of them to TABLES.
    pinned=lambda name: name == "LICENSE.txt",
    pinned_sha256="46ccc3a1891096d55e2755ecd3d70fb7cdaabab2356d057551397e0faa2e964c",
)
TABLES = {
    "patients": "d6f7f45cad83a977cfe40cf80572ad13df3970071c5f91bf2fd319c3903516f0",
    "admissions": "b08247c945ce0c69c505cf3427c6442135b89d9ea6315a89d4adb7b1733ce1d4",
    "diagnoses_icd": "ffb493244933ae7e1cbb17183f78a2e65625bd253489c01d376bfdc49df774af",
}


def check_tables(folder: Path, expected: dict[str, str]) -> None:
    """Compare the text of tables, unpacked where they are gzipped, with what was published.

    Raises
    ------
    ReadError
        A table is missing or another one.
    """
    for name, digest in expected.items():
        plain, packed = folder / f"{name}.csv", folder / f"{name}.csv.gz"
        if not plain.is_file() and not packed.is_file():
            raise ReadError(f"Got {folder} without {plain.name}, also gzipped.")
        text = plain.read_bytes() if plain.is_file() else gzip.decompress(packed.read_bytes())
        if hashlib.sha256(text).hexdigest() != digest:
            raise ReadError(f"Got a table {plain} that is not the published one.")


def fetch_mimic_iv_demo(
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    *,
    verbose: bool = False,
) -> Bunch:
    """Load the demo of MIMIC-IV 2.2: 100 patients, 275 admissions, 4,506 diagnoses.

    The folder ``mimic_iv_demo`` (with ``hosp/``) is looked for in ``data_home``, in
    ``$CARDIORISK_DATA`` and in the cache folder, and downloaded from PhysioNet if it is in none of
    them. A folder that has only some of the tables is fine. 100 patients show that the steps
    work, not how well a model is.

    Parameters
    ----------
    data_home : path-like, optional
        Where to look first, and where to download to instead of the cache folder.
    download_if_missing : bool, default=True
        Whether to download (about 15 MB), checked against the published SHA-256 of each file.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        ``histories`` (:class:`~cardiorisk.records.PatientHistories`, see
        :func:`~cardiorisk.io.read_mimic_iv`) and ``DESCR``.

    Raises
    ------
    DataNotFoundError
        No copy was found and none could be downloaded.
    ReadError
        The download is damaged, or patients, admissions or diagnoses are not the published ones.

    References
    ----------
    Johnson et al. (2023), PhysioNet, doi:10.13026/dp1f-ex47, Open Database Licence 1.0.

    Examples
    --------
    >>> fetch_mimic_iv_demo().histories  # doctest: +SKIP
    PatientHistories(100 patients, 275 visits, 4,506 events, 1,474 codes)
    """
    folder = find_or_download(MIMIC_IV_DEMO, data_home, download_if_missing, verbose)
    check_tables(folder / "hosp", TABLES)
    return Bunch(
        histories=read_mimic_iv(folder),
        DESCR=(files("cardiorisk.datasets") / "data" / "mimic_iv_demo.md").read_text(
            encoding="utf-8"
        ),
    )
