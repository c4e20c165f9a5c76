"""A home with one of everything that pages show, and the address of each page."""

import json
import shutil
from collections.abc import Mapping
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import example_run
import pytest

from assay.events import ignore
from assay.runs.home import Home
from assay.runs.queue import Queue
from assay.runs.store import Store
from feature_home import SAE, Pages, copied, served
from shared import made_once
from web_site import OPTIONS, events

FEATURE = 5
"""Of the tiny SAE: the one whose panels are filled."""
TOLD = "paths.json"


def scene(factory: pytest.TempPathFactory, to: Path) -> dict[str, str]:
    """Name of a page to its path, in a home of one's own. It is made once, then copied."""
    made = made_once(factory, "web-scene", lambda folder: _build(factory, folder))
    shutil.copytree(made / "home", to)
    paths: dict[str, str] = json.loads((made / TOLD).read_text())
    return paths


def _build(factory: pytest.TempPathFactory, folder: Path) -> None:
    (folder / TOLD).write_text(json.dumps(_built(factory, folder / "home")))


def _built(factory: pytest.TempPathFactory, root: Path) -> dict[str, str]:
    copied(factory, root)
    home = Home(root)
    with served(root) as pages:
        asked = {"sae": SAE, "label": None, "seed": 0}
        _, scored = pages.post(f"/api/features/{FEATURE}/score", asked)
        asked = {"sae": SAE, "text": "The sailor of the old river\nwalked to Rome."}
        _, read = pages.post(f"/api/features/{FEATURE}/text", asked)
        pages.work()
        told = _by_a_model(pages) if find_spec("pydantic_ai") else {}
    _sweep(root, "sweep-k", json.dumps({"over": "k", "rows": _rows(), "saes": []}))
    _sweep(root, "broken", "{")
    with Store(home) as store:
        runs = _runs(store) | told
    sae, run = quote(SAE, safe=""), runs["committed"]
    return {
        "start": "/",
        "features": f"/features?sae={sae}&noise=1",
        "features, one reading": f"/features?sae={sae}&reading=ideal&search=paris&review=1",
        "features, not scored": "/features",
        "feature, filled": f"/features/{FEATURE}?sae={sae}",
        "feature, never scored live": f"/features/1?sae={sae}",
        "feature without an index": "/features/7",
        "edit form": "/edit",
        "edit form, filled": "/edit?prompt=Rome+is+in&subject=Rome&target=Peru&seed=3&only=zsre,leme",
        **{f"run, {name}": f"/runs/{id}" for name, id in runs.items() if name != "like committed"},
        "benchmarks": "/benchmarks",
        "run, feature scores": f"/runs/{scored['run_id']}",
        "run, feature on a text": f"/runs/{read['run_id']}",
        "runs": "/runs",
        "runs, none found": "/runs?search=nothing+like+this&status=failed",
        "compare": f"/compare?a={run}&b={runs['like committed']}",
        "compare, one chosen": f"/compare?a={run}",
        "edits": "/edits?every=true",
        "sweeps": "/sweeps",
        "sweep": "/sweeps/sweep-k",
        "error, no such page": "/nowhere",
        "error, no such run": "/runs/none-of-this-name",
        "error, not valid": "/features?page=none",
    }


def _by_a_model(pages: Pages) -> dict[str, str]:
    """Runs in which a language model has a part: a label, sentences, marks for paragraphs."""
    from llm_feature_server import asked, proposing, writing
    from llm_server import Call, Reply, said

    from assay.benchmarks.llm_judge import judge_texts

    sentences = writing(
        lambda w: f"The {w} river ran past the old houses of the town.",
        lambda w: f"The {w} baker sold his bread to the people of the town.",
        lambda w: f"The {w} harbour lay behind the old houses of the town.",
    )

    def script(call: Call) -> Reply:
        if call.purpose == "sentences":
            return sentences(call)
        if call.purpose == "judge":
            marks = {"consistency": 1, "fluency": 2, "no_contradiction": 0, "reason": "it says both"}
            return said({"marks": [marks]})
        return proposing("weather of the arctic", "")(call)

    with asked(script) as server:
        by = {"sae": SAE, "base_url": server.base_url}
        _, named = pages.post("/api/features/20/relabel", {**by, "generator": "llm:scripted"})
        _, written = pages.post("/api/features/2/score", {**by, "sentences": "llm:scripted"})
        pages.work()
        run = example_run.committed()
        (leme,) = (result for result in run["benchmarks"] if result["id"] == "leme")
        author = server.author(asked_for="marks")
        judged = judge_texts(
            author, run["request"], leme["texts"], threshold=0.5, seed=0, resamples=200, emit=ignore
        )
        leme["judges"] = [judged]
        with Store(pages.home) as store:
            told = tell(store, run)
    return {
        "a label by a model": str(named["run_id"]),
        "sentences by a model": str(written["run_id"]),
        "judged by a model": told,
    }


def tell(store: Store, run: Mapping[str, Any], **options: Any) -> str:
    """Store an example run by telling its events; returns its id."""
    run_id = store.create_run(run.get("kind") or "edit", run["request"], {**OPTIONS, **options})
    for kind, data in events(run):
        store.append(run_id, kind, data)
    if run.get("edit"):
        folder = store.home.run(run_id)
        folder.mkdir(parents=True)
        (folder / "edit.safetensors").write_bytes(b"an edit")
    return run_id


def _runs(store: Store) -> dict[str, str]:
    running = example_run.committed() | {"status": "running", "reading": None}
    running["benchmarks"] = running["benchmarks"][:3]
    request = {"prompt": "Paris is in", "subject": "Paris", "target": "", "old": None, "relation": None}
    traced = {"kind": "trace", "request": request, "status": "done", "trace": example_run.trace()}
    failed = example_run.bare() | {"request": example_run.committed()["request"]}
    other = deepcopy(example_run.second())
    other["request"]["target"] = "Rome"
    made = {
        "committed": tell(store, example_run.committed()),
        "like committed": tell(store, other),
        "rolled back": tell(store, example_run.rolled_back()),
        "interrupted": tell(store, example_run.interrupted()),
        "failed": tell(store, failed),
        "running": tell(store, running),
        "trace": tell(store, traced),
    }
    again = {"kind": "bench", "request": example_run.committed()["request"], "status": "committed"}
    whole = {**example_run.committed(), **again}
    made["benchmarks again"] = tell(store, whole, of=made["running"], probes="same")
    store.append(made["running"], "bench_started", {"id": "zsre", "title": "zsRE", "index": 3, "of": 13})
    store.append(made["running"], "stage_started", {"stage": "read", "title": "reading probes", "total": 10})
    queue, asked = Queue(store), example_run.committed()["request"]
    made["cancelled"] = queue.put("edit", asked, OPTIONS, "edit")
    assert queue.cancel(made["cancelled"])
    made["waiting"] = queue.put("edit", asked, OPTIONS, "edit")
    made["merge"] = queue.put(
        "merge", asked, {"of": made["committed"], "do": "export", "folder": "berlin"}, "merge"
    )
    return made


def _rows() -> list[dict[str, Any]]:
    figures = {"ev": 0.7, "recovered_zero": 0.9, "dead": 0.01, "dense": 0.0}
    return [{"k": k, "l0": float(k), **figures} for k in (16, 32, 64)]


def _sweep(root: Path, name: str, text: str) -> None:
    folder = root / "saes" / name
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(text, encoding="utf-8")
