"""What answers cost: only where a list price is known, the same at any hour, never made up."""

from dataclasses import replace

import pytest

pytest.importorskip("pydantic_ai")

from llm_server import QUICK, TOWER, serving

from assay.generators.llm.asking import Asked, at_server
from assay.generators.llm.collect import collected
from assay.generators.llm.deal import planned
from assay.generators.llm.endpoint import Endpoint
from assay.generators.llm.price import dollars, priced
from assay.report.feature_naming import cost_words

OPENAI = {"model": "gpt-4o-mini", "base_url": "https://api.openai.com/v1", "protocol": "openai"}


def test_list_prices_are_by_the_million_tokens() -> None:
    one = dollars(OPENAI, 1_000_000, 0)
    assert one == pytest.approx(0.15), "OpenAI's list, dollars for a million tokens in"
    assert dollars(OPENAI, 0, 1_000_000) == pytest.approx(0.60)
    assert dollars(OPENAI, 2_000_000, 1_000_000) == pytest.approx(0.9)
    assert dollars(
        {**OPENAI, "model": "claude-3-5-haiku-latest", "base_url": "https://api.anthropic.com"}, 10, 10
    )


@pytest.mark.parametrize(
    "marks",
    [
        {**OPENAI, "model": "qwen3:8b"},
        {**OPENAI, "base_url": "http://localhost:11434/v1"},
        {**OPENAI, "base_url": "http://127.0.0.1:8000/v1"},
        {**OPENAI, "base_url": "https://gpu.example.org/v1"},
        {**OPENAI, "base_url": "https://api.openai.com.example.org/v1"},
        {"protocol": "local", "weights": "0" * 64},
    ],
)
def test_where_no_price_is_known_none_is_said(marks: dict[str, str]) -> None:
    assert dollars(marks, 1_000, 1_000) is None and priced(None) == ""


def test_words_of_a_price() -> None:
    assert priced(0.00046) == ", about $0.0005 at list prices"
    assert priced(12.345) == ", about $12.35 at list prices"
    assert priced(1e-6) == priced(0.0) == ", less than $0.0001 at list prices"
    cost = {"answers": 1, "tokens_in": 1_000, "tokens_out": 50}
    assert cost_words(cost) == "1 answer, 1,000 tokens in, 50 out"
    assert (
        cost_words({**cost, "dollars": 0.0123})
        == "1 answer, 1,000 tokens in, 50 out, about $0.0123 at list prices"
    )


@pytest.mark.slow
def test_a_plan_says_what_it_cost_where_that_is_known() -> None:
    """The scripted server stands in for a provider: its answers are counted at the provider's prices."""
    with serving() as server:
        means = server.means(QUICK)
        here: Asked = at_server(Endpoint("openai", "scripted", server.base_url), means)
        plans = []
        for marks in (here.marks, OPENAI):
            raw = collected(replace(here, marks=marks), means, TOWER, 0, 8, 5)
            plans.append(planned("llm 1 (scripted)", raw, 8, 5, ()))
    free, paid = plans
    assert free.making is not None and paid.making is not None
    assert free.making.dollars is None and "list prices" not in free.notes[0]
    each = dollars(OPENAI, 100, 50)
    assert each is not None and paid.making.dollars == pytest.approx(10 * each), "ten answers, each by itself"
    assert paid.notes[0].endswith(f"out{priced(paid.making.dollars)}") and "$0.0" in paid.notes[0]
    assert replace(paid, making=None, notes=()) == replace(free, making=None, notes=()), (
        "the probes are the same"
    )
