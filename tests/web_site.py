"""The web app without its worker, over a home of its own; and example runs told to its store as events."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response

from assay.runs.home import Home
from assay.web.app import create_app
from assay.web.state import State

HTML = {"accept": "text/html"}
OPTIONS = {"model": "smollm2", "layer": None, "method": "rome", "variant": "r-rome", "generator": "catalogue"}
OPTIONS |= {"bench": True, "only": None, "seed": 0, "trace": True, "sae": None, "corpus": "factbook"}
VOID = {"meta", "br", "link", "img", "input", "hr", "option"}


class Page(HTMLParser):
    """Reads a page strictly: every element that opens closes, in order; no id twice, nothing inline that acts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.stack, self.stack
        ids = [attrs["id"] for _, attrs in self.seen if "id" in attrs]
        assert len(ids) == len(set(ids)), sorted(ids)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}: {attrs}"
        assert all(re.fullmatch(r"[a-zA-Z][a-zA-Z0-9:-]*", name) for name, _ in attrs), attrs
        assert not any(name == "style" or name.startswith("on") for name, _ in attrs), attrs
        assert tag not in ("style", "iframe", "object") and (tag != "script" or dict(attrs).get("src")), tag
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.stack and self.stack.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            attrs
            for name, attrs in self.seen
            if name == tag and all(attrs.get(key.replace("_", "-")) == value for key, value in wanted.items())
        ]


class Site:
    """A client of the app, and what the app works with."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.server: State = client.app.state.assay  # type: ignore[attr-defined]
        self._mark = ""

    def page(self, path: str, status: int = 200) -> Page:
        """A page as a browser asks for it."""
        answer = self.client.get(path, headers=HTML)
        assert answer.status_code == status, answer.text[:2000]
        assert answer.headers["content-type"].startswith("text/html")
        return Page(answer.text)

    def get(self, path: str, status: int = 200) -> Any:
        """What the API answers."""
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text[:2000]
        return answer.json()

    def post(self, path: str, body: Mapping[str, Any] | None = None, status: int = 200) -> Any:
        """A write as one of the pages makes it."""
        answer = self.send(path, json=dict(body or {}))
        assert answer.status_code == status, answer.text[:2000]
        return answer.json()

    def send(self, path: str, headers: Mapping[str, str] | None = None, **how: Any) -> Response:
        """A write with the mark that the pages carry."""
        if not self._mark:
            (meta,) = self.page("/runs").all("meta", name="csrf")
            self._mark = str(meta["content"])
        answer: Response = self.client.post(path, headers={"x-csrf": self._mark, **(headers or {})}, **how)
        return answer

    def error(self, path: str, status: int = 422) -> dict[str, str]:
        """The error that the API answers with."""
        error: dict[str, str] = self.get(path, status)["error"]
        return error

    def tell(self, run: Mapping[str, Any], queued: bool = False, **options: Any) -> str:
        """Store an example run by telling its events; returns its id."""
        store = self.server.store
        kind = run.get("kind") or "edit"
        waits = (lambda connection, run_id: None) if queued else None
        run_id = store.create_run(kind, run["request"], {**OPTIONS, **options}, waits)
        for name, data in events(run):
            store.append(run_id, name, data)
        if run.get("edit"):
            folder = store.home.run(run_id)
            folder.mkdir(parents=True)
            (folder / "edit.safetensors").write_bytes(b"an edit")
        return run_id


def events(run: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The events that a run's document is the fold of."""
    yield "run_started", {"model": run.get("model") or {}, "settings": run.get("settings") or {}}
    for name in ("generator", "trace", "carried"):
        if run.get(name):
            data = run[name] if name != "generator" else {**run[name], "generator": run[name]["name"]}
            yield "plan" if name == "generator" else name, data
    for index, tried in enumerate(run.get("candidates") or ()):
        layer = tried["layer"]
        yield "candidate", {"layer": layer, "index": index, "of": 3, "why": tried["why"]}
        edit = run.get("edit")
        if edit:
            figures = {"loss": edit["loss"], "p_target": edit["p_target"], "delta_norm": edit["delta_norm"]}
            yield "optimised", {"layer": layer, "steps": 25, **figures}
        for check in tried["checks"]:
            yield "check", {"layer": layer, **check}
        if tried["rolled_back"]:
            yield "rolled_back", {"layer": layer, "reason": tried["rolled_back"]}
    if run.get("edit"):
        yield (
            "committed",
            {"layer": run["edit"]["layer"], "edit_id": "e1", "method": "rome", "variant": "r-rome"},
        )
    for name in ("footprint", "feature"):
        if run.get(name):
            yield "feature_scores" if name == "feature" else name, run[name]
    for index, result in enumerate(run.get("benchmarks") or ()):
        yield "bench_started", {"id": result["id"], "title": result["title"], "index": index, "of": 13}
        yield "bench_result", result
    if run.get("reading"):
        yield "reading", run["reading"]
    status = run.get("status")
    if status in ("interrupted", "failed"):
        yield (
            "run_failed",
            {"error": "stopped by the user", "resumable": bool(run.get("edit")), "status": status},
        )
    elif status not in ("running", "queued"):
        yield "run_finished", {"status": status, "seconds": 3.5}


@contextmanager
def open_site(root: Path, *allowed: Path) -> Iterator[Site]:
    """``with open_site(tmp_path) as site:`` the app runs over that home; models may lie in ``allowed``, too."""
    app = create_app(Home(root), worker=False, allowed=allowed)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield Site(client)
