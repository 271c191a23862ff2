"""Where downloaded data sets live, and how they get there unharmed."""

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cardiorisk._optional import require
from cardiorisk.exceptions import DataNotFoundError, ReadError

__all__ = ["RemoteArchive", "find_or_download", "search_folders", "sha256_of"]

ENVIRONMENT_VARIABLE = "CARDIORISK_DATA"
CHECKSUMS = "SHA256SUMS.txt"


@dataclass(frozen=True)
class RemoteArchive:
    """A published zip file that carries its own list of checksums.

    Parameters
    ----------
    name : str
        Folder name below a data folder, for example ``"ludb"``.
    url : str
        Address of the zip file.
    marker : str
        A file that every copy of the data set has; it identifies the folder.
    pinned : callable
        Picks the paths of the list of checksums whose lines are pinned.
    pinned_sha256 : str
        SHA-256 of those lines, sorted and joined with newlines.
    """

    name: str
    url: str
    marker: str
    pinned: Callable[[str], bool]
    pinned_sha256: str


def search_folders(data_home: str | os.PathLike[str] | None) -> list[Path]:
    """Folders to search, first to last.

    ``data_home`` if given, then ``$CARDIORISK_DATA`` if set, then the cache of the user unless
    ``data_home`` stands in for it.
    """
    folders = [] if data_home is None else [Path(data_home).expanduser()]
    if os.environ.get(ENVIRONMENT_VARIABLE):
        folders.append(Path(os.environ[ENVIRONMENT_VARIABLE]).expanduser())
    if data_home is None:
        folders.append(Path(require("pooch").os_cache("cardiorisk")))
    return folders


def find_or_download(
    archive: RemoteArchive,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    verbose: bool = False,
) -> Path:
    """Folder of a data set: a copy on this machine, or a fresh download.

    A copy that is already there is taken as it is; a download is checked file by file.

    Parameters
    ----------
    archive : RemoteArchive
    data_home : path-like, optional
        Where to look first, and where to download to.
    download_if_missing : bool, default=True
    verbose : bool, default=False
        Whether to show a progress bar while downloading.

    Raises
    ------
    DataNotFoundError
        There is no copy and none could be downloaded.
    ReadError
        The download is damaged or not what was published, or an incomplete copy is in its place.
    """
    folders = search_folders(data_home)
    for folder in folders:
        if (folder / archive.name / archive.marker).is_file():
            return folder / archive.name
    looked = " and ".join(str(folder / archive.name / archive.marker) for folder in folders)
    hint = f"Set {ENVIRONMENT_VARIABLE} to the folder that holds {archive.name!r}."
    if not download_if_missing:
        raise DataNotFoundError(f"Got no data set {archive.name!r}; looked for {looked}. {hint}")
    target = (folders[0] if data_home is not None else folders[-1]) / archive.name
    try:
        _download(archive, target, verbose)
    except ReadError:
        raise
    except OSError as error:
        raise DataNotFoundError(
            f"Got no data set {archive.name!r}; looked for {looked}, and could not download "
            f"{archive.url} ({error}). {hint}"
        ) from error
    return target


def _download(archive: RemoteArchive, target: Path, verbose: bool) -> None:
    """Download, unpack and check in a temporary folder, then move into place at once."""
    if target.exists():
        raise ReadError(f"Got a folder {target} without {archive.marker}; remove it and try again.")
    target.parent.mkdir(parents=True, exist_ok=True)
    pooch = require("pooch")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{archive.name}-") as scratch:
        # The zip itself has no published checksum; the files inside have.
        path = pooch.retrieve(
            archive.url, known_hash=None, fname="archive.zip", path=scratch, progressbar=verbose
        )
        unpacked = Path(scratch) / "unpacked"
        try:
            with zipfile.ZipFile(path) as file:
                file.extractall(unpacked)
        except zipfile.BadZipFile as error:
            raise ReadError(f"Got {archive.url}, but expected a zip file: {error}.") from error
        markers = sorted(unpacked.rglob(archive.marker))
        if len(markers) != 1:
            raise ReadError(f"Got {len(markers)} {archive.marker} in {archive.url}, expected one.")
        folder = markers[0].parent
        verify_files(folder, read_checksums(folder / CHECKSUMS, archive))
        shutil.move(folder, target)


def read_checksums(path: Path, archive: RemoteArchive) -> dict[str, str]:
    """Read the published SHA-256 of each file, and compare the pinned part of the list."""
    if not path.is_file():
        raise ReadError(f"Got no {CHECKSUMS} in {archive.url}.")
    lines = path.read_text(encoding="utf-8").split("\n")
    listed = {name: digest for digest, _, name in (line.partition(" ") for line in lines) if name}
    pinned = sorted(f"{digest} {name}" for name, digest in listed.items() if archive.pinned(name))
    found = hashlib.sha256("\n".join(pinned).encode()).hexdigest()
    if found != archive.pinned_sha256:
        raise ReadError(
            f"Got a list of checksums in {archive.url} whose pinned part hashes to {found}, but "
            f"expected {archive.pinned_sha256}: not the published version."
        )
    return listed


def verify_files(folder: Path, checksums: Mapping[str, str]) -> None:
    """Compare every listed file with its checksum, or raise ReadError."""
    missing = [name for name in checksums if not (folder / name).is_file()]
    changed = [
        name
        for name, expected in checksums.items()
        if name not in missing and sha256_of(folder / name) != expected
    ]
    if missing or changed:
        raise ReadError(
            f"Got {len(missing)} missing and {len(changed)} changed of {len(checksums)} files, "
            f"first {(missing + changed)[0]!r}; expected the published SHA-256."
        )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
