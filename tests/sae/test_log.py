"""The training log: a line for each autoencoder now and then, the last step always among them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.sae.log import EVERY, FILE, logged
from small import Heard


def told(done: int, total: int, *evs: float) -> Mapping[str, Any]:
    saes = [{"k": 4, "l1": 4.0, "loss": 1 - ev, "ev": ev, "l0": 3.5, "dead": 0} for ev in evs]
    return {"stage": "sae", "title": "", "done": done, "total": total, "seconds_left": 1.0, "saes": saes}


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / FILE).read_text().splitlines()]


def test_a_line_each_in_the_folder_of_its_autoencoder(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    emit = logged(folders, heard := Heard())
    emit("stage_progress", {"stage": "collect", "title": "", "done": 500, "total": 900})
    assert not folders[0].exists(), "nothing of training"
    for done in (EVERY - 1, EVERY, EVERY + 5, 2 * EVERY, 2 * EVERY + 1):
        emit("stage_progress", told(done, 2 * EVERY + 1, done / 100, done / 200))
    assert len(heard.of("stage_progress")) == 6, "everything is passed on"
    a, b = (lines(folder) for folder in folders)
    assert [line["step"] for line in a] == [EVERY, 2 * EVERY, 2 * EVERY + 1]
    assert [line["ev"] for line in a] == [line["step"] / 100 for line in a]
    assert [line["ev"] for line in b] == [line["step"] / 200 for line in b]
    assert a[0] == {
        "step": EVERY,
        "steps": 2 * EVERY + 1,
        "k": 4,
        "l1": 4.0,
        "loss": 1 - EVERY / 100,
        "ev": EVERY / 100,
        "l0": 3.5,
        "dead": 0,
    }


def test_a_run_that_went_back_to_a_checkpoint_says_its_steps_again(tmp_path: Path) -> None:
    """Lines are only added: of two lines of one step the later one counts."""
    for ev in (0.1, 0.2):
        emit = logged([tmp_path], Heard())
        emit("stage_progress", told(EVERY, 100, ev))
    assert [(line["step"], line["ev"]) for line in lines(tmp_path)] == [(EVERY, 0.1), (EVERY, 0.2)]
