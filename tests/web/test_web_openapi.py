"""What /api/openapi.json describes, asked with what fits it and with what does not: answered each time, no fault."""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from assay.runs.home import Home
from web_browser import serving
from web_scene import scene

pytestmark = pytest.mark.slow

EXAMPLES = [8, pytest.param(200, marks=pytest.mark.nightly)]
"""Of each of about thirty operations, for each way of asking."""
BOUNDED = hypothesis.settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[hypothesis.Phase.generate],
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    root = tmp_path_factory.mktemp("openapi") / "home"
    paths = scene(tmp_path_factory, root)
    with serving(Home(root)) as url:
        yield url, paths


def known(paths: dict[str, str]) -> dict[str, list[str]]:
    """Names that exist, by the parameter that takes one: an answer to a name that does not is soon given."""
    runs = [path.rpartition("/")[2] for path in paths.values() if path.startswith("/runs/")]
    open_ended = {paths[f"run, {name}"].rpartition("/")[2] for name in ("running", "waiting", "merge")}
    ended = [run for run in runs if run not in open_ended]  # the events of the others would be waited for
    return {
        "run_id": ended,
        "name": ["sweep-k", "broken", "run.json", "probes.parquet"],
        "sae": ["saes/tiny"],
    }


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fits", "does not"])
@pytest.mark.parametrize("examples", EXAMPLES)
def test_no_operation_fails(site: tuple[str, dict[str, str]], mode: GenerationMode, examples: int) -> None:
    url, paths = site
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json")
    names = known(paths)
    seen: set[tuple[str, str]] = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @hypothesis.settings(BOUNDED, max_examples=examples)
        @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
        def ask(case: Any, data: st.DataObject) -> None:
            for place in (case.path_parameters, case.query):
                for name in place or {}:
                    if name in names and data.draw(st.booleans()):
                        place[name] = data.draw(st.sampled_from(names[name]))
            # As a program that is no browser: the server asks it for no mark of a page.
            answer = case.call(timeout=20)
            assert answer.status_code < 500, (answer.status_code, answer.text[:500], case.as_curl_command())
            seen.add((case.method, case.path))

        try:
            ask()
        except Unsatisfiable:  # nothing can be asked wrongly where nothing can be asked
            assert mode is GenerationMode.NEGATIVE and not operation.path_parameters
    assert {"POST"} < {method for method, _ in seen} and len(seen) >= 18
