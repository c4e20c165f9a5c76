"""The formats that can be read, how to tell them apart, and the way from a path to its usable cases."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from assay.datasets import counterfact, mquake, rippleedits, zsre
from assay.datasets.case import Case, Dataset, Unusable
from assay.datasets.record import Record, read_bytes, read_records
from assay.errors import InputError


@dataclass(frozen=True)
class Format:
    """One published format."""

    title: str
    """What it is called in print."""
    fields: tuple[tuple[str, ...], ...]
    """Fields by which a record is known; any one row of them is enough."""
    read: Callable[[Record], Case]
    """Makes a case of a record; raises Unusable for one that cannot be edited."""


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "mquake": Format("MQuAKE", mquake.FIELDS, mquake.read_case),
        "counterfact": Format("CounterFact", counterfact.FIELDS, counterfact.read_case),
        "zsre": Format("zsRE", zsre.FIELDS, zsre.read_case),
        "rippleedits": Format("RippleEdits", rippleedits.FIELDS, rippleedits.read_case),
    }
)
"""Name to format; MQuAKE stands before CounterFact because its records hold CounterFact's, too."""


def detect(path: Path) -> str:
    """The name of the format whose fields the file's first record has."""
    (record,) = islice(read_records(read_bytes(path), path), 1)
    found = _detect(record)
    if found is None:
        wanted = "; ".join(f"{name}: {_fields(row)}" for name, row in FORMATS.items())
        raise InputError(
            f"{record.where}, with the fields {', '.join(record.data) or '(none)'}",
            f"the fields of a known format ({wanted})",
            "check that the file is a published one and whole",
        )
    return found


def _detect(record: Record) -> str | None:
    return next((name for name, row in FORMATS.items() if _known(record, row)), None)


def _known(record: Record, row: Format) -> bool:
    return any(all(name in record.data for name in fields) for fields in row.fields)


def _fields(row: Format) -> str:
    return " or ".join(", ".join(fields) for fields in row.fields)


def load(path: Path, format: str) -> Dataset:
    """The usable cases of a file; records that cannot be edited are counted with the reason."""
    if format not in FORMATS:
        raise InputError(f"format {format!r}", "one of " + ", ".join(FORMATS), "choose one of these")
    row, raw = FORMATS[format], read_bytes(path)
    cases: dict[str, Case] = {}
    skipped: Counter[str] = Counter()
    for record in read_records(raw, path):
        if not _known(record, row):
            raise _unknown(record, row, path)
        try:
            case = row.read(record)
        except Unusable as reason:
            skipped[str(reason)] += 1
            continue
        if case.id in cases:
            raise InputError(
                f"{record.where}, whose case_id {case.id} stood before",
                "a case_id only once in a file",
                "number the cases anew",
            )
        cases[case.id] = case
    if not cases:
        told = ", ".join(f"{n} x {reason}" for reason, n in skipped.items())
        raise InputError(
            f"{path}, none of whose records can be edited ({told})", "usable records", "check the file"
        )
    return Dataset(format, path, sha256(raw).hexdigest(), tuple(cases.values()), dict(skipped))


def _unknown(record: Record, row: Format, path: Path) -> InputError:
    other = _detect(record)
    lacks = min(([f for f in fields if f not in record.data] for fields in row.fields), key=len)
    return InputError(
        f"{record.where}, which lacks {', '.join(lacks)}",
        f"the fields of {row.title}: {_fields(row)}",
        f"this looks like {FORMATS[other].title}: assay eval {other} {path}"
        if other
        else "check that the file is the published one and whole",
    )
