"""The way to a server: waits where it is told to, tries again, reads no answer without end, and explains failures.

Both libraries that speak to servers are handed this client with their own retries switched off, so that there is
one place for all of it. Whatever goes wrong for good is a GeneratorError already here.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from assay.errors import GeneratorError
from assay.generators.llm.endpoint import KEY, OWN_KEYS, Endpoint
from assay.settings import LlmSettings

AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses after which the same call may succeed."""

CONNECT = 10.0
"""Seconds until a connection has to stand."""

SECRET = 8
"""Letters from which a key is taken for a secret: servers that want none are sent any word."""

SAID = 200
"""Letters of what a server says about a failure that are passed on."""

KEPT = "what was answered is kept: the same command goes on from there"


class Refused(GeneratorError):
    """A server that answered with a status that is a failure."""

    def __init__(self, status: int, came: str, wanted: str, todo: str) -> None:
        self.status = status
        super().__init__(came, wanted, todo)


class Wire(httpx2.AsyncClient):
    """An HTTP client for one server; ``told`` hears in a few words that it waits, and why."""

    def __init__(
        self, server: Endpoint, key: str | None, settings: LlmSettings, told: Callable[[str], None]
    ) -> None:
        # A packed answer could be far larger than what is counted on the way.
        super().__init__(
            timeout=httpx2.Timeout(settings.timeout, connect=min(CONNECT, settings.timeout)),
            headers={"accept-encoding": "identity"},
            follow_redirects=False,
            trust_env=not server.local,  # no proxy stands between this machine and itself
        )
        self._server = server
        self._key = key
        self._settings = settings
        self._told = told

    async def send(self, request: httpx2.Request, **how: Any) -> httpx2.Response:
        """The answer, read whole. Raises GeneratorError for what no further try will mend."""
        pause = self._settings.wait
        how.pop("stream", None)
        for left in range(self._settings.attempts - 1, -1, -1):
            try:
                answer = await self._once(request, **how)
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol) as error:
                raise self._unreachable(error) from error
            except (TimeoutError, httpx2.TransportError) as error:
                if not left:
                    raise self._lost(error) from error
                why = "no answer in time" if _late(error) else "the connection broke"
                wait = pause
            else:
                if answer.status_code < 400:
                    return answer
                asked = _asked(answer.headers.get("retry-after"))
                wait = pause if asked is None else asked
                why = f"the server said {answer.status_code}"
                if answer.status_code not in AGAIN or not left or wait > self._settings.longest_wait:
                    raise self._refused(answer, asked)
            self._told(f"{why}: waiting {wait:.0f} s")
            await asyncio.sleep(wait)
            pause *= 2
        raise AssertionError("the last try returns or raises")

    async def _once(self, request: httpx2.Request, **how: Any) -> httpx2.Response:
        """One try: all of it within the time for an answer, none of it beyond the bytes for one."""
        async with asyncio.timeout(self._settings.timeout):
            streamed = await super().send(request, stream=True, **how)
            try:
                body = bytearray()
                async for piece in streamed.aiter_bytes():
                    body += piece
                    if len(body) > self._settings.largest:
                        raise GeneratorError(
                            f"an answer of {self._server.model} of more than {self._settings.largest:,} bytes",
                            "an answer of the size of some dozen sentences",
                            f"check what answers at {self._server.base_url}; {KEPT}",
                        )
            finally:
                await streamed.aclose()
        headers = {
            name: value
            for name, value in streamed.headers.items()
            if name.lower() not in ("content-length", "content-encoding", "transfer-encoding")
        }
        return httpx2.Response(streamed.status_code, headers=headers, content=bytes(body), request=request)

    def _unreachable(self, error: Exception) -> GeneratorError:
        return GeneratorError(
            f"no connection to {self._server.base_url}: {plain(str(error)) or type(error).__name__}",
            "a server that speaks OpenAI's protocol (or Anthropic's, with llm:anthropic:)",
            "start it, or correct --base-url",
        )

    def _lost(self, error: Exception) -> GeneratorError:
        tries = self._settings.attempts
        if _late(error):
            return GeneratorError(
                f"no answer from {self._server.base_url} within {self._settings.timeout:g} s, {tries} times",
                "an answer in time",
                f"give it longer (--timeout), or take a smaller or faster model; {KEPT}",
            )
        return GeneratorError(
            f"a connection to {self._server.base_url} that broke {tries} times: {type(error).__name__}",
            "an answer that ends",
            f"look into the server's log; {KEPT}",
        )

    def _refused(self, answer: httpx2.Response, asked: float | None) -> Refused:
        """What a failing status means here and what to do about it."""
        server, status = self._server, answer.status_code
        said = self._said(answer.content)
        came = f"status {status} from {server.base_url}" + (f": {said}" if said else "")
        if status in (401, 403):
            names = f"{KEY}, else {OWN_KEYS[server.protocol]}"
            return Refused(status, came, "a key that it accepts", f"set {names} in the environment")
        if status == 404:
            todo = f"check the name {server.model!r} and --base-url, which ends in /v1 on most servers"
            return Refused(status, came, "a model and an address that it knows", todo)
        if status == 429 and asked is not None and asked > self._settings.longest_wait:
            longest = f"{self._settings.longest_wait:g} s"
            return Refused(
                status, f"{came} (wait {asked:.0f} s)", f"a wait of at most {longest}", f"later: {KEPT}"
            )
        if status in AGAIN:
            came = f"{came} ({self._settings.attempts} tries)"
            return Refused(status, came, "a server that is ready", f"try again later; {KEPT}")
        return Refused(status, came, "a call that it accepts", f"see what it says; {KEPT}")

    def _said(self, body: bytes) -> str:
        """A server's own words about a failure, in one short line without the key."""
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = body[: 4 * SAID].decode("utf-8", "replace")
        for _ in range(2):
            if isinstance(said, Mapping):
                said = said.get("error") or said.get("message") or said.get("detail") or ""
        return plain(self.without_key(said if isinstance(said, str) else ""))

    def without_key(self, text: str) -> str:
        """``text`` with the key blanked out wherever it stands."""
        return text.replace(self._key, "***") if self._key and self.has_key(text) else text

    def has_key(self, text: str) -> bool:
        """Whether the key stands in ``text``; a word too short to be a secret may stand anywhere."""
        return self._key is not None and len(self._key) >= SECRET and self._key in text


def plain(text: str, longest: int = SAID) -> str:
    """``text`` as one line of letters that print, cut to ``longest``."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _late(error: Exception) -> bool:
    return isinstance(error, TimeoutError | httpx2.TimeoutException)


def _asked(text: str | None) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or the time of day to wait for."""
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    zoned = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (zoned - datetime.now(UTC)).total_seconds())
