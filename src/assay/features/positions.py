"""The positions that every feature's MUI is measured at, chosen for all features of an index at once.

Each row of text that is asked about costs one clean pass, whoever asks. So most positions are in the same rows,
drawn at random; a feature too rare to fire there often enough gets further rows. One feature scored alone and all
features scored together are measured at the same positions.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32, Int64

from assay.errors import Mismatch
from assay.events import Emit, ignore, stage
from assay.features.firing import fires, spread_out
from assay.runs.whole import written_whole
from assay.sae.index.digest import IndexDigest
from assay.sae.index.digest_file import begins
from assay.sae.index.index import FeatureIndex
from assay.sae.index.reader import IndexReader
from assay.sae.index.records import Firing
from assay.settings import FeatureSettings

ROWS = 1024
"""Rows of text that all features share."""
LEAST = 6
"""Positions that a feature rare in those rows still gets, where it fires so often at all."""


@dataclass(frozen=True, eq=False)
class Positions:
    """Feature by feature; ``begin[f]`` to before ``begin[f + 1]`` are those of feature f."""

    begin: Int64[np.ndarray, " begins"]
    rows: Int32[np.ndarray, " n"]
    positions: Int32[np.ndarray, " n"]
    activations: Float32[np.ndarray, " n"]
    n_firing: Int32[np.ndarray, " features"]
    """At how many positions of the whole index it fires."""

    def of(self, feature: int) -> Firing:
        """The positions of one feature."""
        mine = slice(int(self.begin[feature]), int(self.begin[feature + 1]))
        return Firing(
            self.rows[mine].astype(np.int64), self.positions[mine].astype(np.int64), self.activations[mine]
        )


def measured_positions(
    index: IndexReader, settings: FeatureSettings, seed: int, emit: Emit = ignore
) -> Positions:
    """Of every feature at most ``positions`` (a setting), spread over its activations; kept with the index. A digest
    has them, whatever the seed.

    Raises StoreError where they cannot be kept, Mismatch for a digest with those of other settings.
    """
    if isinstance(index, IndexDigest):
        return _of_digest(index, settings)
    assert isinstance(index, FeatureIndex)
    path = index.folder / f"positions-1-{settings.positions}-{settings.firing:g}-{seed}.npz"
    if path.is_file():
        return _read(path)
    found = _choose(index, settings, seed, emit)
    with written_whole(path) as scratch, scratch.open("wb") as file:
        np.savez(file, **vars(found))
    return found


def _of_digest(index: IndexDigest, settings: FeatureSettings) -> Positions:
    held, record = index.held, index.held.record
    if (settings.positions, settings.firing) != (record.positions, record.firing):
        raise Mismatch(
            f"at most {settings.positions} positions above {settings.firing:g} of a feature's largest activation",
            f"at most {record.positions} above {record.firing:g}: a digest of an index has no others",
            f"make an index: assay sae index {index.about.sae_id}",
        )
    return Positions(
        begins(held.position_count),
        held.position_row.astype(np.int32),
        held.position.astype(np.int32),
        held.position_value.astype(np.float32),
        held.n_firing.astype(np.int32),
    )


def _read(path: Path) -> Positions:
    with np.load(path, allow_pickle=False) as held:
        return Positions(**{name: held[name] for name in held.files})


def _choose(index: FeatureIndex, settings: FeatureSettings, seed: int, emit: Emit) -> Positions:
    n_rows, d_sae = index.about.n_rows, index.about.d_sae
    shared = np.zeros(n_rows, bool)
    shared[np.random.default_rng(seed).permutation(n_rows)[:ROWS]] = True
    opened = shared.copy()
    chosen, n_firing = [], np.zeros(d_sae, np.int32)
    with stage(emit, "positions", "positions to measure", d_sae) as tick:
        for feature in range(d_sae):
            firing = _loud(index, feature, settings)
            n_firing[feature] = len(firing.rows)
            own = _own(firing, shared, opened, settings, seed + feature)
            opened[own.rows] = True
            chosen.append(own)
            if feature % 64 == 63 or feature + 1 == d_sae:
                tick(feature + 1)
    sizes = [len(own.rows) for own in chosen]
    return Positions(
        begin=np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]),
        rows=np.concatenate([own.rows for own in chosen]).astype(np.int32),
        positions=np.concatenate([own.positions for own in chosen]).astype(np.int32),
        activations=np.concatenate([own.activations for own in chosen]).astype(np.float32),
        n_firing=n_firing,
    )


def _loud(index: FeatureIndex, feature: int, settings: FeatureSettings) -> Firing:
    """Where it fires by the settings' rule, which leaves its weakest activations out."""
    found = index.firing(feature)
    return _some(found, fires(found.activations, settings))


def _own(
    firing: Firing,
    shared: np.ndarray,
    opened: np.ndarray,
    settings: FeatureSettings,
    seed: int,
) -> Firing:
    """Positions in the shared rows; where these are too few, further ones, in opened rows if there are such."""
    inside = _some(firing, shared[firing.rows])
    least = min(LEAST, settings.positions)
    if len(inside.rows) >= least:
        return spread_out(inside, settings, seed)
    rest = np.flatnonzero(~shared[firing.rows])
    order = np.random.default_rng(seed).permutation(len(rest))
    rest = rest[order[np.argsort(~opened[firing.rows[rest]][order], kind="stable")]]
    more = np.sort(rest[: least - len(inside.rows)])
    return _some(firing, np.union1d(np.flatnonzero(shared[firing.rows]), more))


def _some(firing: Firing, which: np.ndarray) -> Firing:
    return Firing(firing.rows[which], firing.positions[which], firing.activations[which])
