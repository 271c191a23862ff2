"""Read histories in the form of MEDS, the Medical Event Data Standard."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cardiorisk._histories.collect import collect
from cardiorisk._histories.columns import EventColumns
from cardiorisk._histories.joining import append_to_folder
from cardiorisk._histories.labels import Labelled, relabelled
from cardiorisk._histories.reading import Finding
from cardiorisk._optional import require
from cardiorisk.exceptions import ReadError
from cardiorisk.io.code_systems import respelled
from cardiorisk.io.event_columns import labelled, times_of
from cardiorisk.io.meds_static import BIRTH, DEATH, static_table
from cardiorisk.records import PatientHistories

__all__ = ["SOURCE_ID", "VISIT", "read_meds"]

VISIT = "visit_id"
SOURCE_ID = "source_subject_id"
NEEDED = ("subject_id", "time", "code")


def read_meds(
    path: str | os.PathLike[str],
    *,
    folder: str | os.PathLike[str] | None = None,
    visit: str | None = VISIT,
) -> PatientHistories:
    """Read a MEDS data set, version 0.3 or 0.4, one shard at a time.

    Parameters
    ----------
    path : path-like
        The root of the data set (with ``data/``), a folder of parquet shards, or one shard.
    folder : path-like, optional
        Where to build the histories on disk: they are then mapped, and only one shard is in
        memory at a time. None keeps them in memory.
    visit : str or None, default="visit_id"
        Column that tells visits apart, where the shards have it; else, and with None, a
        visit is a calendar day.

    Returns
    -------
    PatientHistories
        Patients in the order of the shards, by identifier within each. Events without a time
        are in ``static``: ``GENDER//F`` becomes ``sex`` = ``"F"``, ``RACE//white`` becomes
        ``race``, a code with a value a column of numbers; ``MEDS_BIRTH`` and ``MEDS_DEATH``
        become ``birth_date`` and ``death_date``. ``reading`` counts rows without a code,
        repeated or unsorted rows, and patients in several shards (which are put together).

    Raises
    ------
    ReadError
        There is no shard, or one is not in the schema of MEDS.

    Notes
    -----
    - Values of events (``numeric_value``, ``text_value``) are not read.
    - ICD codes and the prefixes of coding systems are brought to one spelling, so that a code set
      fits data of any conversion: ``DIAGNOSIS//ICD//10//I5022`` (MIMIC-IV), ``ICD10CM/I50.22``
      (OMOP) and ``ICD10CM//I5022`` become ``ICD10CM//I50.22``. Other codes stay as they are.
    - Dates of death that come after a prediction time are hidden by
      :meth:`~cardiorisk.records.PatientHistories.as_of`, like events.

    References
    ----------
    https://github.com/Medical-Event-Data-Standard/meds

    Examples
    --------
    >>> read_meds("my-meds-data", folder="histories")  # doctest: +SKIP
    """
    shards = _shards(Path(path))
    for shard in shards:
        _check_schema(shard)
    split, findings = _subjects_in_several(shards)
    parts = _parts(Path(path), shards, split, visit)
    if folder is not None:
        append_to_folder(folder, parts, findings)
        return PatientHistories.open(folder)
    with tempfile.TemporaryDirectory(prefix="cardiorisk-meds-") as scratch:
        append_to_folder(scratch, parts, findings)
        return PatientHistories.open(scratch)._in_memory()


def _shards(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    data = path / "data" if (path / "data").is_dir() else path
    found = sorted(data.rglob("*.parquet"), key=lambda file: (len(str(file)), str(file)))
    shards = [file for file in found if "metadata" not in file.relative_to(data).parts]
    if not shards:
        raise ReadError(f"Got {path}, but expected a MEDS data set: data/*.parquet.")
    return shards


def _check_schema(shard: Path) -> None:
    """Hold the columns of a shard to the schema of the installed package ``meds``."""
    parquet, arrow = (
        require("pyarrow.parquet", extra="ehr"),
        require("pyarrow", extra="ehr"),
    )
    meds = require("meds", extra="ehr")
    try:
        schema = parquet.read_schema(shard)
        _check_types(schema, arrow.types)
        if hasattr(meds, "DataSchema"):  # meds 0.4
            meds.DataSchema.align(schema.empty_table())
        else:  # meds 0.3
            wanted = meds.data_schema()
            names = [name for name in wanted.names if name in schema.names or name in NEEDED]
            schema.empty_table().select(names).cast(arrow.schema([wanted.field(n) for n in names]))
    except Exception as error:  # of Arrow, or of the schema library under meds
        raise ReadError(f"{shard} is not in the schema of MEDS: {error}") from error


def _check_types(schema: Any, types: Any) -> None:
    """Refuse types that a cast could only bring to those of MEDS by luck."""
    subject, time = (schema.field(name).type for name in NEEDED[:2])
    if not types.is_integer(subject):
        raise TypeError(f"subject_id is {subject}, but expected int64")
    if not (types.is_timestamp(time) or types.is_date(time) or types.is_null(time)):
        raise TypeError(f"time is {time}, but expected timestamp[us]")


def _subject_column(shard: Path) -> str:
    names = require("pyarrow.parquet", extra="ehr").read_schema(shard).names
    return SOURCE_ID if SOURCE_ID in names else NEEDED[0]


def _subjects_in_several(shards: Sequence[Path]) -> tuple[set[Any], list[Finding]]:
    """Patients whose rows are in more than one shard."""
    if len(shards) < 2:
        return set(), []
    read = require("pyarrow.parquet", extra="ehr").read_table
    seen: set[Any] = set()
    several: set[Any] = set()
    for shard in shards:
        column = read(shard, columns=[_subject_column(shard)]).column(0)
        own = set(column.unique().to_pylist())
        several |= own & seen
        seen |= own
    several.discard(None)
    return several, [("all", "subject in several shards", len(several), "put together")]


def _parts(
    root: Path, shards: Sequence[Path], split: set[Any], visit: str | None
) -> Iterator[PatientHistories]:
    words = _descriptions(root)
    arrow = require("pyarrow", extra="ehr")
    late = []
    for shard in shards:
        table = _read_shard(shard, visit)
        if split:
            compute = require("pyarrow.compute", extra="ehr")
            own = table["subject"]
            is_split = compute.is_in(own, value_set=arrow.array(sorted(split)).cast(own.type))
            late.append(table.filter(is_split))
            table = table.filter(compute.invert(is_split))
        yield _histories(table, shard.name, words)
    if split:
        yield _histories(arrow.concat_tables(late, promote_options="default"), "several", words)


def _read_shard(shard: Path, visit: str | None) -> Any:
    parquet = require("pyarrow.parquet", extra="ehr")
    present = parquet.read_schema(shard).names
    optional = [name for name in (visit, "numeric_value") if name in present]
    subject = _subject_column(shard)
    table = parquet.read_table(shard, columns=[subject, *NEEDED[1:], *optional])
    names = {subject: "subject", visit: "visit"}
    return table.rename_columns([names.get(name, name) for name in table.column_names])


def _descriptions(root: Path) -> dict[str, str]:
    file = root / "metadata" / "codes.parquet"
    if not file.is_file():
        return {}
    parquet = require("pyarrow.parquet", extra="ehr")
    if "description" not in parquet.read_schema(file).names:
        return {}
    table = parquet.read_table(file, columns=["code", "description"])
    pairs = zip(table["code"].to_pylist(), table["description"].to_pylist(), strict=True)
    return {code: words for code, words in pairs if words}


def _histories(table: Any, source: str, words: dict[str, str]) -> PatientHistories:
    """Turn the rows of one shard into histories."""
    subject, code = _integers_or_words(table["subject"]), labelled(table["code"])
    times = times_of(table["time"])
    visit = _integers_or_words(table["visit"]) if "visit" in table.column_names else None
    spelled = [respelled(word) for word in code.values.tolist()]
    told = {new: words.get(old, "") for new, old in zip(spelled, code.values.tolist(), strict=True)}
    code = relabelled(code.labels, spelled)
    names = np.array([told[word] for word in code.values.tolist()], dtype=np.str_)
    named = names if words else None
    whole = EventColumns(subject, times, code, visit, source, named)
    is_mark = np.isin(code.values, (BIRTH, DEATH))
    to_static = np.isnat(times) & ~code.is_missing | np.append(is_mark, False)[code.labels]
    to_static &= ~subject.is_missing
    values = table["numeric_value"] if "numeric_value" in table.column_names else None
    static, findings = static_table(whole, to_static, values)
    kept = ~to_static
    events = replace(
        whole,
        subject=subject[kept],
        times=times[kept],
        code=code[kept],
        visit=None if visit is None else visit[kept],
    )
    found = collect([events], static, findings=[(source, "shard", 1, "read"), *findings])
    return PatientHistories._from_collected(found)


def _integers_or_words(column: Any) -> Labelled:
    """Label a column of whole numbers, or of text."""
    if not require("pyarrow", extra="ehr").types.is_integer(column.type):
        return labelled(column)
    labels, values = pd.factorize(column.to_pandas())
    return Labelled(labels.astype(np.int64), np.asarray(values).astype(np.int64))
