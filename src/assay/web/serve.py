"""A server on this machine: its socket, its token, its end."""

import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from assay.errors import InputError
from assay.runs.home import Home
from assay.web.app import create_app
from assay.web.safety import LOOPBACK, Safety

Told = Callable[[str, str | None], None]
"""``(url, token)``: told once the address can be connected to."""


def serve(
    home: Home,
    host: str,
    port: int,
    token: str | None,
    names: tuple[str, ...],
    allowed: tuple[Path, ...],
    open_page: bool,
    told: Told,
) -> None:
    """Serve until Ctrl-C. Beyond this machine a token is needed: where none is given, one is made up.

    Models and autoencoders may lie in the home and in the ``allowed`` folders. Raises InputError where the address
    cannot be listened at.
    """
    if token is None and host not in LOOPBACK:
        token = secrets.token_urlsafe(24)
    listening = _socket(host, port)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listening.getsockname()[1]}/"
    hosts = (*LOOPBACK, *((host,) if host not in LOOPBACK else ()), *names)
    app = create_app(home, Safety(hosts, token), allowed=allowed)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
    told(url, token)
    if open_page:
        threading.Timer(0.5, webbrowser.open, [url]).start()
    server.run(sockets=[listening])


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen()  # who is told the address may come at once, and waits until the app is ready
    except OSError as error:
        made.close()
        raise InputError(
            f"{host} port {port}: {error.strerror or error}",
            "an address of this machine and a free port",
            "choose another port: assay ui --port 0 takes a free one",
        ) from error
    return made
