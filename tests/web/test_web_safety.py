"""Who gets through: names of the server, pages of the server, holders of the token, and nobody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from assay.runs.home import Home
from assay.web.app import create_app
from assay.web.safety import HEADERS, LARGEST, SESSION, Safety

HERE = "http://127.0.0.1:8712"
TOKEN = "a-token-of-some-length"
WRITE = "/api/runs/none/cancel"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Home(tmp_path), worker=False), base_url=HERE) as opened:
        yield opened


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Home(tmp_path), Safety(token=TOKEN), worker=False)
    with TestClient(app, base_url=HERE, follow_redirects=False) as opened:
        yield opened


def csrf(client: TestClient) -> str:
    page = client.get("/runs", headers={"accept": "text/html"}).text
    return page.partition('<meta name="csrf" content="')[2].partition('"')[0]


def test_every_answer_forbids_what_a_page_does_not_need(client: TestClient) -> None:
    for path in ("/runs", "/api/runs", "/nowhere", "/static/app.css"):
        answer = client.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)
    policy = client.get("/runs").headers["content-security-policy"]
    assert "unsafe" not in policy and "http" not in policy and policy.startswith("default-src 'none'")
    assert client.get("/runs").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8712", "127.0.0.1.evil.example", "", "[::2]:8712"]
)
def test_a_foreign_host_name_is_turned_away(client: TestClient, host: str) -> None:
    answer = client.get("/api/runs", headers={"host": host})
    assert answer.status_code == 421
    assert answer.json()["error"]["wanted"] == "one of 127.0.0.1, localhost, ::1"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:1", "localhost:8712", "LOCALHOST", "[::1]:8712"])
def test_the_servers_own_names_are_let_in(client: TestClient, host: str) -> None:
    assert client.get("/api/runs", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"x-csrf": "guessed"},
        {"x-csrf": ""},
    ],
)
def test_a_write_from_elsewhere_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    mark = csrf(client)
    answer = client.post(WRITE, headers={"x-csrf": mark, **headers})
    assert answer.status_code == 403 and "does not come from a page of this server" in answer.text


def test_a_write_from_an_own_page_and_from_a_program_gets_through(client: TestClient, tmp_path: Path) -> None:
    mark = csrf(client)
    own = {"x-csrf": mark, "origin": HERE, "sec-fetch-site": "same-origin"}
    assert client.post(WRITE, headers=own).status_code == 404  # it got through: there is no such run
    client.cookies.clear()
    assert client.post(WRITE).status_code == 404
    client.cookies.set(SESSION, "made.up")
    assert client.post(WRITE).status_code == 404  # a session of another server is none


def test_the_mark_of_one_session_is_not_anothers(client: TestClient) -> None:
    first = csrf(client)
    client.cookies.clear()
    assert csrf(client) != first
    assert client.post(WRITE, headers={"x-csrf": first}).status_code == 403


def test_reads_need_no_mark_and_change_nothing(client: TestClient) -> None:
    assert client.get("/api/runs", headers={"origin": "https://evil.example"}).status_code == 200
    assert "access-control-allow-origin" not in client.get("/api/runs").headers


def test_without_the_token_there_is_nothing(guarded: TestClient) -> None:
    for path in ("/api/runs", "/runs", "/api/openapi.json", "/nowhere"):
        answer = guarded.get(path)
        assert answer.status_code == 401 and answer.json()["error"]["came"] == "no token"
    assert guarded.post(WRITE).status_code == 401
    page = guarded.get("/runs", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login")
    assert SESSION not in guarded.cookies


@pytest.mark.parametrize("shown", ["Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer ", "Bearer \xe9"])
def test_a_wrong_token_is_none(guarded: TestClient, shown: str) -> None:
    assert guarded.get("/api/runs", headers={"authorization": shown.encode("latin-1")}).status_code == 401


def test_programs_show_the_token_in_a_header(guarded: TestClient) -> None:
    shown = {"authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/api/runs", headers=shown).status_code == 200
    assert guarded.post(WRITE, headers=shown).status_code == 404


def test_people_log_in_once(guarded: TestClient) -> None:
    page = guarded.get("/login", headers={"accept": "text/html"})
    assert page.status_code == 200 and 'type="password"' in page.text
    refused = guarded.post("/login", json={"token": "wrong"})
    assert refused.status_code == 422 and SESSION not in guarded.cookies
    assert (
        guarded.post("/login", json={"token": TOKEN}, headers={"origin": "http://evil.example"}).status_code
        == 403
    )
    answer = guarded.post("/login", json={"token": TOKEN})
    assert answer.status_code == 200
    kept = answer.headers["set-cookie"]
    assert "HttpOnly" in kept and "SameSite=Strict" in kept
    assert guarded.get("/runs", headers={"accept": "text/html"}).status_code == 200
    assert guarded.post(WRITE).status_code == 403  # with a session, the mark is needed
    assert guarded.post(WRITE, headers={"x-csrf": csrf(guarded)}).status_code == 404


def test_a_body_that_is_too_long_is_not_read(client: TestClient) -> None:
    answer = client.post(WRITE, content=b"x" * (LARGEST + 1))
    assert answer.status_code == 413 and answer.json()["error"]["wanted"] == "at most 1,000,000 bytes"
    assert client.post(WRITE, headers={"content-length": "many"}).status_code == 413


@given(st.text(max_size=80))
def test_no_made_up_session_is_taken(text: str) -> None:
    safety = Safety()
    assert not safety.is_session(text)
    assert safety.is_session(safety.session()) and not Safety().is_session(safety.session())
