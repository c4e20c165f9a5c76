"""Probes made beside other work: the waiting overlaps, events come one at a time, and nothing is left behind."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")

from llm_server import TOWER, Call, Reply, Server, serving, well

from assay.errors import GeneratorError, ModelError
from assay.generators.ahead import planning
from assay.generators.catalogue.catalogue import Catalogue
from assay.generators.llm.generator import Llm
from assay.options import Options
from assay.pipeline import run_edit
from small import LENIENT, Heard, save_tiny

pytestmark = pytest.mark.slow

LONG = 60.0
"""Seconds after which a test that hangs is given up."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


def probes_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "probes"]


def options(model: str, server: Server, **more: Any) -> Options:
    return Options(
        model=model,
        layer=1,
        generator="llm:scripted",
        base_url=server.base_url,
        timeout=LONG,
        bench=False,
        **more,
    )


def test_the_server_writes_while_the_model_is_loaded_and_traced(folder: Path, tmp_path: Path) -> None:
    """It answers nothing but the first question before the model's work is done: without overlap all would wait."""
    worked = threading.Event()
    heard, threads = Heard(), set()

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        heard(kind, data)
        threads.add(threading.current_thread())
        if kind == "stage_finished" and data["stage"] == "contexts":
            worked.set()

    def script(call: Call) -> Reply:
        if call.purpose != "fact" and not worked.wait(LONG):
            return Reply(status=500)
        return well(call)

    with serving(script) as server:
        outcome = run_edit(
            TOWER, options(str(folder), server), listen, tmp_path, lambda edit, plan: None, LENIENT
        )
    assert outcome.status == "committed"
    assert threads == {threading.main_thread()} and probes_threads() == []
    stages = [data["stage"] for data in heard.of("stage_finished")]
    assert stages.index("trace") < stages.index("ask") < stages.index("plan") < stages.index("validate")
    assert sum("tokens in" in data["title"] for data in heard.of("stage_progress")) == 10


def test_a_model_that_cannot_be_loaded_ends_the_asking(tmp_path: Path) -> None:
    held = threading.Event()

    def script(call: Call) -> Reply:
        held.wait(LONG)
        return well(call)

    with serving(script) as server:
        try:
            with pytest.raises(ModelError):
                run_edit(
                    TOWER, options("/no/such", server), Heard(), tmp_path, lambda edit, plan: None, LENIENT
                )
            assert probes_threads() == [], "it is not waited for"
        finally:
            held.set()
        assert len(server.calls) <= 1


def test_what_goes_wrong_on_the_way_is_told_where_the_plan_is_asked_for() -> None:
    refused = Reply(body=b"{}", status=418)
    with serving(lambda call: refused if call.purpose == "reach" else well(call)) as server:
        maker = Llm("scripted", server.means())
        with planning(maker, TOWER, 0, 8, 5, Heard()) as making:
            assert making.request().old == "Paris"
            with pytest.raises(GeneratorError) as caught:
                making.plan()
    assert caught.value.came == f"status 418 from {server.base_url}"


def test_it_is_the_plan_that_would_be_made_without_haste() -> None:
    with serving() as server:
        maker = Llm("scripted", server.means())
        with planning(maker, TOWER, 0, 8, 5, Heard()) as making:
            found = making.plan()
            assert making.plan() is found
        assert found == maker.plan(TOWER, 0)


def test_a_generator_that_waits_for_nobody_is_asked_when_it_is_needed() -> None:
    heard = Heard()
    with planning(Catalogue(), TOWER, 0, 8, 5, heard) as making:
        assert heard.events == []
        assert making.request() == making.plan().request
    assert [data["stage"] for data in heard.of("stage_started")] == ["plan"]
