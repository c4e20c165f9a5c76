"""Pages: the report's own environment and macros, and what every page has."""

from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader

from assay.report.html import environment as report_environment
from assay.web import maker


@cache
def _environment() -> Environment:
    loader = ChoiceLoader([PackageLoader("assay.web"), PackageLoader("assay.report")])
    return report_environment().overlay(loader=loader)


def render(asked: Request, template: str, **given: Any) -> str:
    """A template with what all of them know: the path that is open, and the mark that writes must show."""
    known = {"path": asked.url.path, "csrf": getattr(asked.state, "csrf", ""), "maker": maker}
    return _environment().get_template(template).render(**known, **given)


def page(asked: Request, template: str, code: int = 200, **given: Any) -> HTMLResponse:
    """A page, or a part of one."""
    return HTMLResponse(render(asked, template, **given), code)
