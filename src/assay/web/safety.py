"""Who may speak to the server: its own pages on this machine, and nobody else unless they have the token.

The server runs code on a user's models, so a page of another site must not reach it. Three walls: the Host header
must be a name of this server (a foreign name that resolves to 127.0.0.1 is turned away), writes must come from the
server's own pages, and where it listens beyond this machine everything needs the token.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LARGEST = 1_000_000
"""Bytes of a request's body at most."""
SAFE = ("GET", "HEAD", "OPTIONS")
SESSION = "assay_session"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}
"""On every answer."""
LOGIN = "/login"


@dataclass(frozen=True)
class Safety:
    """What a server lets through."""

    hosts: tuple[str, ...] = LOOPBACK
    """Names that the Host header may have, without a port."""
    token: str | None = None
    """What a visitor must show; None: nothing, for a server that only this machine reaches."""
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    """Signs sessions; a new one at every start."""

    def session(self) -> str:
        """A new signed session."""
        name = secrets.token_urlsafe(16)
        return f"{name}.{self._sign('session', name)}"

    def is_session(self, text: str) -> bool:
        """Whether this server gave it out."""
        name, _, mark = text.partition(".")
        return hmac.compare_digest(mark.encode(), self._sign("session", name).encode())

    def csrf(self, session: str) -> str:
        """What a page of this session must send along with a write."""
        return self._sign("csrf", session)

    def _sign(self, what: str, text: str) -> str:
        return hmac.new(self.secret, f"{what} {text}".encode(), sha256).hexdigest()


class Guard:
    """The walls as one ASGI layer around the application."""

    def __init__(self, app: ASGIApp, safety: Safety) -> None:
        self._app = app
        self._safety = safety

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        session = _session(headers)
        if session is None or not self._safety.is_session(session):
            session = None
        refused = self._refused(scope, headers, session)
        fresh = None
        if refused is None and session is None and self._safety.token is None and _is_page(scope, headers):
            session = fresh = self._safety.session()
        scope.setdefault("state", {})["csrf"] = self._safety.csrf(session) if session else ""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out[name] = value
                out.setdefault("cache-control", "no-store")
                if fresh:
                    out.append("set-cookie", cookie(fresh))
            await send(message)

        if refused is not None:
            await refused(scope, receive, dressed)
            return
        await self._app(scope, _limited(receive), dressed)

    def _refused(self, scope: Scope, headers: Headers, session: str | None) -> Response | None:
        host = headers.get("host", "")
        if _name(host) not in self._safety.hosts:
            return _no(421, f"the host name {host[:80]!r}", f"one of {', '.join(self._safety.hosts)}")
        if _too_long(headers):
            return _no(413, "a longer request", f"at most {LARGEST:,} bytes")
        known = session is not None or self._safety.token is None or self._bearer(headers)
        path = scope["path"]
        if not known and path != LOGIN and not path.startswith("/static/"):
            if _is_page(scope, headers):
                return RedirectResponse(LOGIN, 303)
            return _no(401, "no token", "the token that assay ui printed", "Authorization: Bearer TOKEN")
        if scope["method"] not in SAFE and not self._own(headers, session, path):
            return _no(
                403, "a write that does not come from a page of this server", "its own pages, or no browser"
            )
        return None

    def _bearer(self, headers: Headers) -> bool:
        kind, _, shown = headers.get("authorization", "").partition(" ")
        token = self._safety.token or ""
        return kind.lower() == "bearer" and hmac.compare_digest(shown.encode(), token.encode())

    def _own(self, headers: Headers, session: str | None, path: str) -> bool:
        """Browsers say where a write comes from; with a session it must also show that page's mark."""
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            return False
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return False
        if session is None or path == LOGIN:
            return True
        return hmac.compare_digest(headers.get("x-csrf", "").encode(), self._safety.csrf(session).encode())


def cookie(session: str) -> str:
    """The header that keeps a session in the browser."""
    return f"{SESSION}={session}; Path=/; HttpOnly; SameSite=Strict"


def _is_page(scope: Scope, headers: Headers) -> bool:
    """Whether a browser asks for a page: programs get no session, and need show no mark."""
    return scope["method"] in SAFE and "text/html" in headers.get("accept", "")


def _session(headers: Headers) -> str | None:
    jar = SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except CookieError:
        return None
    return jar[SESSION].value if SESSION in jar else None


def _name(host: str) -> str:
    """A Host header without its port; ``[::1]:80`` is ``::1``."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _too_long(headers: Headers) -> bool:
    told = headers.get("content-length", "0")
    return not told.isdigit() or int(told) > LARGEST


def _limited(receive: Receive) -> Receive:
    """The same for a body that does not say how long it is."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST:
            return {"type": "http.disconnect"}
        return message

    return counted


def _no(status: int, came: str, wanted: str, todo: str = "see docs/ui.md") -> JSONResponse:
    error = {"kind": "Refused", "came": came, "wanted": wanted, "todo": todo}
    return JSONResponse({"error": error}, status)
