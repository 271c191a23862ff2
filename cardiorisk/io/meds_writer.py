"""Write histories in the form of MEDS, the Medical Event Data Standard."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

import cardiorisk
from cardiorisk._optional import require
from cardiorisk.io.meds import SOURCE_ID, VISIT
from cardiorisk.io.meds_static import BIRTH, DEATH, NAMES, NO_EVENTS
from cardiorisk.records import PatientHistories

__all__ = ["write_meds"]

CODE_OF = {name: code for code, name in NAMES.items()}


def write_meds(
    histories: PatientHistories,
    path: str | os.PathLike[str],
    *,
    patients_per_shard: int = 10_000,
    dataset_name: str = "",
) -> None:
    """Write histories as a MEDS data set, version 0.4; :func:`read_meds` reads the same back.

    Parameters
    ----------
    histories : PatientHistories
    path : path-like
        Folder to make: ``data/0.parquet`` and so on, ``metadata/codes.parquet`` and
        ``metadata/dataset.json``.
    patients_per_shard : int, default=10_000
    dataset_name : str, default=""

    Raises
    ------
    FileExistsError
        The folder already holds a data set.
    ValueError
        A patient is in the histories twice, or ``patients_per_shard`` is below 1.

    Notes
    -----
    - Visits are numbers in the extra column ``visit_id``.
    - MEDS wants whole numbers for patients. Other identifiers are kept in the extra column
      ``source_subject_id``, and patients are numbered from 0.
    - ``static`` becomes events without a time (``GENDER//F``), ``birth_date`` and ``death_date``
      become ``MEDS_BIRTH`` and ``MEDS_DEATH``. Other columns of dates are not written.

    Examples
    --------
    >>> import pandas as pd
    >>> from cardiorisk.io import read_meds, write_meds
    >>> events = pd.DataFrame({"subject_id": [1], "time": ["2020-01-01"], "code": ["ICD10CM//I10"]})
    >>> write_meds(PatientHistories.from_events(events), "meds")  # doctest: +SKIP
    >>> read_meds("meds")  # doctest: +SKIP
    PatientHistories(1 patient, 1 visit, 1 event, 1 code)
    """
    if patients_per_shard < 1:
        raise ValueError(f"Got patients_per_shard={patients_per_shard}, but expected 1 or more.")
    ids = histories.subject_ids
    if len(np.unique(ids)) < len(ids):
        raise ValueError("Got a patient twice; MEDS keeps each patient once.")
    root = Path(path)
    if (root / "data").exists():
        raise FileExistsError(f"Got {root}, which already holds a data set.")
    parquet = require("pyarrow.parquet", extra="ehr")
    (root / "data").mkdir(parents=True)
    (root / "metadata").mkdir(exist_ok=True)
    for number, start in enumerate(range(0, max(len(ids), 1), patients_per_shard)):
        shard = histories[start : start + patients_per_shard]
        table = _shard_table(shard, start, int(histories.patient_offsets[start]))
        parquet.write_table(table, root / "data" / f"{number}.parquet")
    _write_metadata(histories, root / "metadata", dataset_name)


def _shard_table(shard: PatientHistories, first_row: int, first_visit: int) -> Any:
    arrow, meds = require("pyarrow", extra="ehr"), require("meds", extra="ehr")
    is_number = shard.subject_ids.dtype.kind in "iu"
    numbers = shard.subject_ids if is_number else first_row + np.arange(len(shard))
    visits = np.repeat(np.arange(len(shard.visit_offsets) - 1), np.diff(shard.visit_offsets))
    events = pd.DataFrame(
        {
            "row": shard.event_patients(),
            "time": shard.times,
            "code": shard.vocabulary[shard.codes].astype(object),
            "visit": visits + first_visit,
        }
    )
    parts = [*_static_events(shard), events] if len(shard) else [events]
    named = [part.reindex(columns=["row", "time", "code", "value", "visit"]) for part in parts]
    whole = pd.concat([p.astype(object) for p in named], ignore_index=True)
    whole["time"] = pd.to_datetime(whole["time"]).astype("datetime64[us]")
    order = np.lexsort((np.arange(len(whole)), _times_null_first(whole["time"]), whole["row"]))
    whole = whole.iloc[order]
    columns = {
        "subject_id": arrow.array(numbers[whole["row"].to_numpy(int)], arrow.int64()),
        "time": arrow.array(whole["time"], arrow.timestamp("us"), from_pandas=True),
        "code": arrow.array(whole["code"], arrow.string()),
        "numeric_value": arrow.array(
            whole["value"].astype(float), arrow.float32(), from_pandas=True
        ),
        VISIT: arrow.array(whole["visit"].astype("Int64"), arrow.int64(), from_pandas=True),
    }
    if not is_number:
        names = shard.subject_ids[whole["row"].to_numpy(int)]
        columns[SOURCE_ID] = arrow.array(names.tolist(), arrow.string())
    table = arrow.table(columns)
    return meds.DataSchema.align(table) if hasattr(meds, "DataSchema") else table


def _times_null_first(times: pd.Series) -> npt.NDArray[np.int64]:
    return times.to_numpy().astype("datetime64[us]").view(np.int64)  # NaT is the least


def _static_events(shard: PatientHistories) -> Iterator[pd.DataFrame]:
    """Rows of the static columns, and a mark for patients of whom nothing is known."""
    static = pd.DataFrame(index=range(len(shard))) if shard.static is None else shard.static
    known = np.diff(shard.event_offsets) > 0
    for name in static.columns:
        column = static[name]
        rows = np.flatnonzero(column.notna())
        code = CODE_OF.get(str(name), str(name)).upper()
        if pd.api.types.is_datetime64_any_dtype(column):
            if code not in (BIRTH, DEATH):
                continue
            part = pd.DataFrame({"row": rows, "time": column.iloc[rows].to_numpy(), "code": code})
        elif pd.api.types.is_numeric_dtype(column) and column.dtype != bool:
            values = column.iloc[rows].to_numpy(float)
            part = pd.DataFrame({"row": rows, "code": code, "value": values})
        else:
            words = [f"{code}//{word}" for word in column.iloc[rows]]
            part = pd.DataFrame({"row": rows, "code": words})
        known[rows] = True
        yield part
    yield pd.DataFrame({"row": np.flatnonzero(~known), "code": NO_EVENTS})


def _write_metadata(histories: PatientHistories, folder: Path, dataset_name: str) -> None:
    arrow, parquet = require("pyarrow", extra="ehr"), require("pyarrow.parquet", extra="ehr")
    words = histories.descriptions
    described = [None] * len(histories.vocabulary) if words is None else words.tolist()
    codes = arrow.table(
        {
            "code": arrow.array(histories.vocabulary.tolist(), arrow.string()),
            "description": arrow.array(described, arrow.string()),
            "parent_codes": arrow.nulls(len(described), arrow.list_(arrow.string())),
        }
    )
    parquet.write_table(codes, folder / "codes.parquet")
    told = {
        "dataset_name": dataset_name,
        "etl_name": "cardiorisk",
        "etl_version": cardiorisk.__version__,
        "meds_version": "0.4.1",
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "raw_source_id_columns": [SOURCE_ID],
        "other_extension_columns": [VISIT],
    }
    (folder / "dataset.json").write_text(json.dumps(told, indent=2), encoding="utf-8")
