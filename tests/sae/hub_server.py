"""A small Hugging Face hub on this machine: what a repository holds, and its files, as the hub's own library asks."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

COMMIT = "5" * 40
GATED = "owner/gated"
"""A repository that everybody may list and nobody read, as the hub has it."""


@dataclass(frozen=True)
class Hub:
    """A folder for each owner, in it one for each repository."""

    root: Path
    url: str
    asked: list[str] = field(default_factory=list)
    """Paths in the order in which their content was asked for."""

    def env(self, cache: Path) -> dict[str, str]:
        """What a program must have in its environment to see this hub, with a cache of its own."""
        return {"HF_ENDPOINT": self.url, "HF_HOME": str(cache), "HF_HUB_OFFLINE": "0"}


@contextmanager
def serving_hub(root: Path) -> Iterator[Hub]:
    """A hub whose repositories lie in ``root``."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            hub.asked.append(unquote(self.path))
            self._answer(body=True)

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, body: bool) -> None:
            path = unquote(self.path).partition("?")[0]
            if path.startswith("/api/models/"):
                self._listing(path.removeprefix("/api/models/"))
                return
            repo, _, file = path.removeprefix("/").partition("/resolve/main/")
            found = root / repo / file
            if repo == GATED:
                self._send(403, b"", {"X-Error-Code": "GatedRepo"}, body)
            elif not found.is_file():
                self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, body)
            else:
                content = found.read_bytes()
                tags = {"ETag": f'"{sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
                self._send(200, content, tags, body)

        def _listing(self, repo: str) -> None:
            if not (root / repo).is_dir():
                self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"})
            else:
                files = (file for file in (root / repo).rglob("*") if file.is_file())
                names = [{"rfilename": file.relative_to(root / repo).as_posix()} for file in files]
                self._send(200, json.dumps({"id": repo, "sha": COMMIT, "siblings": names}).encode(), {})

        def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool = True) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub = Hub(root, f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(20)
