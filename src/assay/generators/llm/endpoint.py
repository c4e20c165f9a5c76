"""Which model at which server, and the key for it; a key is read from the environment and is kept nowhere."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from assay.errors import GeneratorError, MissingPackage

HOMES: Mapping[str, str] = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
"""Protocol to the address of its provider."""

OWN_KEYS: Mapping[str, str] = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
"""Protocol to the variable in which people keep their key for it."""

KEY = "ASSAY_LLM_KEY"
"""The variable that goes before those."""

LONGEST = 200
"""Letters of a model's name, at most."""

INSTALL = "pip install 'assay[llm]'"


@dataclass(frozen=True)
class Endpoint:
    """One model at one server."""

    protocol: str
    """A key of HOMES."""
    model: str
    """The model's name, as the server knows it."""
    base_url: str
    """Without a slash at the end, and without a key or a password in it."""

    @property
    def local(self) -> bool:
        """Whether the server is this machine."""
        host = urlsplit(self.base_url).hostname or ""
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:  # a name
            return False


def endpoint(text: str, base_url: str | None) -> Endpoint:
    """What ``llm:`` is followed by, and the address given with it: ``MODEL``, or ``anthropic:MODEL``."""
    protocol, model = "openai", text.strip()
    if model.startswith("anthropic:"):
        protocol, model = "anthropic", model.removeprefix("anthropic:").strip()
    if not model or len(model) > LONGEST or not model.isprintable():
        raise GeneratorError(
            f"the model's name {model[:LONGEST]!r}",
            f"the name that the server knows it by, at most {LONGEST} letters",
            "for example llm:qwen3:8b, or llm:anthropic: and a name",
        )
    return Endpoint(protocol, model, _address(base_url) if base_url else HOMES[protocol])


def _address(text: str) -> str:
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # half an IPv6 address, a port that is no number
        usable, parts = False, None
    if not usable or parts is None:
        raise GeneratorError(
            f"base URL {text!r}",
            "the address of a server, with http:// or https://",
            "for example http://localhost:11434/v1",
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise GeneratorError(
            f"a base URL for {parts.hostname} with more than an address in it",
            "no user, password or query: the address is stored with the run, and a key must not be",
            f"put the key into the environment: {KEY}",
        )
    return text.strip().rstrip("/")


def key_of(server: Endpoint, environ: Mapping[str, str] | None = None) -> str | None:
    """The key for this server; None where it needs none. Raises GeneratorError where one is missing.

    A provider's own key goes nowhere in clear text, and not to servers on this machine.
    """
    known = os.environ if environ is None else environ
    given = known.get(KEY, "").strip()
    if given or server.local:
        return given or None
    own = OWN_KEYS[server.protocol]
    if server.base_url.startswith("https://"):
        given = known.get(own, "").strip()
        names = f"{KEY}, or {own}"
    else:
        names = f"{KEY} ({own} is not sent over http; any word will do where the server asks for no key)"
    if not given:
        raise GeneratorError(
            f"no key for {server.base_url}", "a key in the environment", f"set {names}; it is stored nowhere"
        )
    return given


def check_installed() -> None:
    """Raises MissingPackage where the libraries are missing that speak to servers."""
    from importlib.util import find_spec

    missing = [name for name in ("pydantic_ai", "openai", "anthropic", "httpx2") if find_spec(name) is None]
    if missing:
        raise MissingPackage(
            f"a generator that asks a language model, without the package {missing[0]}",
            "the packages that speak to servers",
            INSTALL,
        )
