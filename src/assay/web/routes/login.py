"""Logging in: a token for a cookie, on servers that need one."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from assay.errors import InputError
from assay.web.page import page
from assay.web.safety import LOGIN, cookie
from assay.web.state import Server

router = APIRouter()


class Shown(BaseModel):
    """What a visitor shows."""

    token: Annotated[str, Field(max_length=500)]


@router.get(LOGIN, include_in_schema=False)
def login_page(request: Request) -> HTMLResponse:
    """Ask for the token."""
    return page(request, "login.html.j2")


@router.post(LOGIN)
def login(server: Server, shown: Shown) -> JSONResponse:
    """A session for the right token, as a cookie."""
    token = server.safety.token
    if token is None or not hmac.compare_digest(shown.token.encode("utf-8", "replace"), token.encode()):
        raise InputError(
            "a token that is not this server's", "the one that assay ui printed", "copy it whole"
        )
    answer = JSONResponse({"ok": True})
    answer.headers["set-cookie"] = cookie(server.safety.session())
    return answer
