"""Save and load models without pickle.

A model file is a zip archive with two members: ``model.skops``, the model as skops writes it, and
``cardiorisk.json``, which says what the model is, which versions wrote it and the SHA-256 of the
first. The checksum finds damage. It is no seal: who edits the file can edit the checksum too. What
stands between a foreign file and this machine is :data:`TRUSTED_TYPES`: nothing else is ever
imported, called or built.
"""

import hashlib
import io
import json
import os
import platform
import re
import uuid
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cardiorisk._optional import require
from cardiorisk._tree_integrity import tree_problem
from cardiorisk.exceptions import (
    ReadError,
    UntrustedFileError,
    VersionWarning,
)

__all__ = ["TRUSTED_TYPES", "load", "save"]

TRUSTED_TYPES: tuple[str, ...] = (
    "cardiorisk.estimators._concept_heads.KernelHead",
    "cardiorisk.estimators._concept_heads.LinearHead",
    "cardiorisk.estimators._concept_heads.NeighbourHead",
    "cardiorisk.estimators._concept_heads.NetworkHead",
    "cardiorisk.estimators._concept_heads.TreeHead",
    "cardiorisk.estimators._vote.CalibratedMember",
    "cardiorisk.estimators.cardioforest.CardioForestClassifier",
    "cardiorisk.estimators.concept_hf.ConceptHFClassifier",
    "cardiorisk.estimators.kacq.classifier.KACQDCNNClassifier",
    "cardiorisk.estimators.protoecgnet.classifier.ProtoECGNetClassifier",
    "cardiorisk.explain.conformal.classifier.ConformalClassifier",
    "cardiorisk.explain.conformal.multilabel.ConformalMultilabelClassifier",
    "cardiorisk.explain.conformal.sets.Calibration",
    "cardiorisk.features.clinical_table.ClinicalTable",
    "cardiorisk.features.concept_counts.ConceptCounts",
    "cardiorisk.features.concept_embedding.ConceptEmbedding",
    "cardiorisk.features.ecg_features.ECGFeatures",
    "cardiorisk.features.machine_measurements.MachineMeasurements",
    "cardiorisk.features.signal_filter.ECGFilter",
    "cardiorisk.features.signal_quality.SignalQuality",
    "cardiorisk.records.Variable",
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.model_selection._split.GroupKFold",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.LeaveOneGroupOut",
    "sklearn.model_selection._split.PredefinedSplit",
    "sklearn.model_selection._split.StratifiedGroupKFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.model_selection._split.StratifiedShuffleSplit",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)
"""Types that a model file may hold, besides scikit-learn's estimators, NumPy arrays and scalars,
and Python's containers. Fixed: no argument and no file can widen it."""

FORMAT_VERSION = 1
MANIFEST, PAYLOAD = "cardiorisk.json", "model.skops"
MAX_MANIFEST = 16 * 1024**2  # bytes: a million column names fit

# How skops may rebuild a part. Bound methods, partials, operators and constructor calls are left
# out: no estimator here needs them, and they are where skops has been broken before
# (CVE-2025-54412, CVE-2025-54413).
_BUILDERS = frozenset(
    f"{kind}Node"
    for kind in (
        *("Dict", "DefaultDict", "List", "Set", "Tuple", "Bytes", "Bytearray", "Slice", "Json"),
        *("Type", "Function", "Object", "NdArray", "DType", "Tree"),
        *("RandomState", "RandomGenerator"),
    )
)
_MEMBER = re.compile(r"schema\.json|[0-9A-Za-z-]+\.(npy|bin)")
_PACKAGES = ("numpy", "scipy", "scikit-learn", "skops")


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a model to a file that :func:`load` reads on any machine.

    Parameters
    ----------
    model : estimator
        Any estimator of cardiorisk, and scikit-learn pipelines of them and of scikit-learn's own,
        as far as :data:`TRUSTED_TYPES` reaches.
    path : str or path-like
        Any suffix; ``.cardiorisk`` is customary. The file appears complete or not at all.

    Raises
    ------
    TypeError
        The model holds something that ``load`` would refuse, which is named.

    Examples
    --------
    >>> import tempfile, cardiorisk
    >>> from pathlib import Path
    >>> from sklearn.linear_model import LogisticRegression
    >>> model = LogisticRegression().fit([[40.0], [50.0], [60.0], [70.0]], [0, 0, 1, 1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cardiorisk.save(model, Path(folder) / "risk.cardiorisk")
    ...     again = cardiorisk.load(Path(folder) / "risk.cardiorisk")
    >>> bool((again.predict_proba([[55.0]]) == model.predict_proba([[55.0]])).all())
    True
    """
    if not hasattr(model, "get_params") or isinstance(model, type):
        raise TypeError(f"Got {type(model).__name__}, but expected an estimator.")
    skops = require("skops.io")
    try:
        payload = skops.dumps(model, compression=zipfile.ZIP_DEFLATED)
        _check_payload(payload, max_bytes=2**63)
        types = _checked_types(payload)
    except (TypeError, UntrustedFileError) as error:
        raise TypeError(f"This {type(model).__name__} cannot be saved: {error}") from error
    manifest = {
        "format_version": FORMAT_VERSION,
        "model": _schema(model),
        "versions": _versions(_other_packages(types)),
        "types": types,
        "payload": {"sha256": hashlib.sha256(payload).hexdigest(), "size": len(payload)},
    }
    _write(Path(path), json.dumps(manifest, indent=1), payload)


def load(path: str | os.PathLike[str], *, max_bytes: int = 4 * 1024**3) -> Any:
    """Read a model that :func:`save` wrote.

    Parameters
    ----------
    path : str or path-like
    max_bytes : int, default=4 GiB
        Most that the file may unpack to.

    Returns
    -------
    estimator

    Raises
    ------
    UntrustedFileError
        The file holds a type that is not in :data:`TRUSTED_TYPES`, was changed or damaged after
        saving, or unpacks to more than ``max_bytes``. The reason is named.
    ReadError
        The file is no model file, or a newer cardiorisk wrote it.
    OptionalDependencyError
        A package that the model needs is not installed.

    Warns
    -----
    VersionWarning
        A package in the model has another major or minor version here than where it was saved.

    Notes
    -----
    The trees of scikit-learn are checked node by node. XGBoost and LightGBM read their own models
    in compiled code from bytes of the file; a type list cannot vouch for those parsers, so load
    boosters only from people whom you would let send you a data file.

    Examples
    --------
    See :func:`save`. A pickle, or any other file, is refused:

    >>> import cardiorisk
    >>> cardiorisk.load(__file__)
    Traceback (most recent call last):
    cardiorisk.exceptions.ReadError: ... is no file of cardiorisk.save: File is not a zip file.
    """
    path = Path(path)
    try:
        manifest, payload = _read(path, max_bytes)
        _check_payload(payload, max_bytes)
        packages = _other_packages(manifest["types"])
        model = _rebuild(payload, packages)
        if (found := _schema(model)) != manifest["model"]:
            raise UntrustedFileError(f"it claims to be {manifest['model']} and is {found}.")
        if (problem := tree_problem(model)) is not None:
            raise UntrustedFileError(f"a tree is damaged: {problem}.")
    except UntrustedFileError as error:
        raise UntrustedFileError(f"{path} is refused: {error}") from error
    _warn_of_versions(path, manifest["versions"], _versions(packages))
    return model


def _write(path: Path, manifest: str, payload: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with zipfile.ZipFile(unfinished, "x") as archive:
            archive.writestr(MANIFEST, manifest)
            archive.writestr(PAYLOAD, payload)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _read(path: Path, max_bytes: int) -> tuple[dict[str, Any], bytes]:
    with path.open("rb") as file:
        try:
            archive = zipfile.ZipFile(file)
            manifest = _read_manifest(archive)
        except UntrustedFileError:
            raise
        except Exception as error:  # bytes that are no zip, or no JSON, raise eight different types
            reason = str(error).rstrip(".") or repr(error)
            raise ReadError(f"{path} is no file of cardiorisk.save: {reason}.") from error
        with archive:
            _check_members(archive, max_bytes, re.compile(f"{MANIFEST}|{PAYLOAD}"))
            try:
                payload = archive.read(PAYLOAD)
            except Exception as error:
                raise UntrustedFileError(f"it is damaged ({error}).") from error
    noted = {"sha256": hashlib.sha256(payload).hexdigest(), "size": len(payload)}
    if manifest["payload"] != noted:
        raise UntrustedFileError("it was changed or damaged after saving.")
    return manifest, payload


def _read_manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    if MANIFEST not in archive.namelist():
        raise ReadError(f"it has no {MANIFEST}")
    if archive.getinfo(MANIFEST).file_size > MAX_MANIFEST:
        raise UntrustedFileError(f"its {MANIFEST} is larger than {MAX_MANIFEST} bytes.")
    manifest = json.loads(archive.read(MANIFEST))
    version = manifest["format_version"]
    if not isinstance(version, int) or version < 1:
        raise ReadError(f"it has format version {version!r}")
    if version > FORMAT_VERSION:
        raise ReadError(
            f"it has format version {version} and this cardiorisk reads up to {FORMAT_VERSION}; "
            "upgrade cardiorisk"
        )
    parts = (manifest["model"], manifest["versions"], manifest["payload"])
    if not all(isinstance(part, dict) for part in parts) or not isinstance(manifest["types"], list):
        raise ReadError(f"its {MANIFEST} is not what it should be")
    return dict(manifest)


def _check_members(archive: zipfile.ZipFile, max_bytes: int, allowed: re.Pattern[str]) -> None:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    strange = sorted(name for name in names if not allowed.fullmatch(name))
    if strange:
        raise UntrustedFileError(f"it holds {strange[0]!r}, which no model file has.")
    if len(set(names)) < len(names):
        raise UntrustedFileError("it holds two members of the same name.")
    total = sum(info.file_size for info in infos)  # reading stops there, whatever is inside
    if total > max_bytes:
        raise UntrustedFileError(f"it unpacks to {total} bytes, more than max_bytes={max_bytes}.")


def _parts(state: Any) -> Iterator[dict[str, Any]]:
    waiting = [state]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
            if "__loader__" in one:
                yield one
        elif isinstance(one, list):
            waiting += one


def _check_payload(payload: bytes, max_bytes: int) -> None:
    """Refuse a payload with members, sizes or ways of building that no model of ours has."""
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            _check_members(archive, max_bytes, _MEMBER)
            schema = json.loads(archive.read("schema.json"))
    except UntrustedFileError:
        raise
    except Exception as error:
        raise UntrustedFileError(f"its model cannot be read ({error!r}).") from error
    for part in _parts(schema):
        if part["__loader__"] not in _BUILDERS:
            name = f"{part.get('__module__')}.{part.get('__class__')}"
            raise UntrustedFileError(
                f"it holds {name} as {part['__loader__']}, which is not allowed."
            )


def _checked_types(payload: bytes) -> list[str]:
    """Types in the payload beyond what skops trusts by itself; raise where one is not ours."""
    found: list[str] = require("skops.io").get_untrusted_types(data=payload)
    refused = sorted(set(found) - set(TRUSTED_TYPES))
    if refused:
        raise UntrustedFileError(f"it holds {', '.join(refused)}, not in cardiorisk.TRUSTED_TYPES.")
    return found


def _rebuild(payload: bytes, packages: Iterable[str]) -> Any:
    from sklearn.exceptions import InconsistentVersionWarning

    for package in packages:
        require(package)
    skops = require("skops.io")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InconsistentVersionWarning)  # ours says it once
            return skops.loads(payload, trusted=list(TRUSTED_TYPES))
    except Exception as error:
        if isinstance(error, skops.exceptions.UntrustedTypesFoundException):
            _checked_types(payload)
        raise UntrustedFileError(f"its model cannot be rebuilt ({error!r}).") from error


def _schema(model: Any) -> dict[str, Any]:
    cls = type(model)
    names = getattr(model, "feature_names_in_", None)
    classes = getattr(model, "classes_", None)
    return {
        "class": f"{cls.__module__}.{cls.__qualname__}",
        "n_features_in": getattr(model, "n_features_in_", None),
        "feature_names_in": None if names is None else [str(name) for name in names],
        "classes": None if classes is None else [str(name) for name in classes],
    }


def _other_packages(types: Iterable[str]) -> list[str]:
    return sorted({str(name).partition(".")[0] for name in types} & {"lightgbm", "xgboost"})


def _versions(packages: Iterable[str]) -> dict[str, str]:
    from importlib.metadata import version

    found = {"cardiorisk": require("cardiorisk").__version__, "python": platform.python_version()}
    return found | {name: version(name) for name in (*_PACKAGES, *packages)}


def _warn_of_versions(path: Path, saved: dict[str, Any], here: dict[str, str]) -> None:
    """Warn where the major or minor version differs: a patch does not change what a model is."""
    differ = [
        f"{name} {saved.get(name, 'unknown')} (here {version})"
        for name, version in here.items()
        if name != "python" and str(saved.get(name)).split(".")[:2] != version.split(".")[:2]
    ]
    if differ:
        warnings.warn(
            f"{path} was saved with {', '.join(differ)}; its predictions may differ. Check them "
            "against known ones, or fit and save the model again.",
            VersionWarning,
            stacklevel=3,
        )
