"""Plans from a well-behaved model: full, audited, repeatable from kept answers, honest about what is missing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pydantic_ai")

from llm_server import QUICK, TOWER, Call, Reply, Server, good, only, said, serving, text_of

from assay.generators.llm.generator import Llm
from assay.generators.llm.purposes import PURPOSES
from assay.generators.llm.tally import COPIES, FED_BY
from assay.generators.plan import AXES, Plan, Request, Sifted
from assay.generators.plan_json import plan_from_json, plan_to_json
from assay.probes.audit import VALIDATION, audit, names, same
from assay.settings import LlmSettings
from small import Heard

pytestmark = pytest.mark.slow


def plan_of(
    server: Server,
    cache: Path | None = None,
    seed: int = 0,
    request: Request = TOWER,
    settings: LlmSettings = QUICK,
    **how,
) -> Plan:
    return Llm("scripted", server.means(settings, cache=cache)).plan(request, seed, **how)


@pytest.fixture(scope="module")
def tower() -> Plan:
    with serving() as server:
        return plan_of(server)


def test_a_plan_is_full_and_audited(tower):
    assert set(tower.probes) == set(AXES)
    empty = {id for id, found in tower.probes.items() if not found}
    assert empty == {"leme", "sequential_collapse_threshold"}
    for id, found in tower.probes.items():
        if id not in empty | {
            "indirect_fact_recovery",
            "batch_edit_consistency",
            "sequential_edit_retention",
        }:
            axes = {axis for axis in AXES[id] if axis != "edited"}
            assert {p.axis for p in found if p.axis != "edited"} == axes, id
    assert {p.axis for p in tower.probes["indirect_fact_recovery"]} == {"multi_hop", "inverse", "alternate"}
    assert len(tower.paraphrases) == 6 and len(tower.neutral) == 24 and len(tower.long_form) == 5
    assert [len(tower.probes[id]) for id in ("edit_bench", "zsre", "ripple_bench")] == [8, 8, 8]
    assert len(tower.probes["preservation_vs_memorization"]) == 16
    assert len(tower.probes["fine_tune_diff"]) == 16
    again = audit(tower.request, {VALIDATION: tower.paraphrases, **tower.probes})
    assert again.rejects == () and tower.rejects == ()


def test_what_probes_expect(tower):
    assert (tower.request.old, tower.request.relation) == ("Paris", "landmark_city")
    hops = [p for p in tower.probes["indirect_fact_recovery"] if p.axis == "multi_hop"]
    assert {(p.target, p.expected) for p in hops} == {("Germany", "France")}
    inverse = [p for p in tower.probes["indirect_fact_recovery"] if p.axis == "inverse"]
    assert {p.target for p in inverse} == {"the Eiffel Tower"}
    shots = [p.prompt.split("\n") for p in tower.probes["zsre"] if p.axis == "question_shots"]
    assert shots and all(len(lines) == 3 and lines[0].endswith("Shakespeare") for lines in shots)
    for probe in tower.probes["ripple_bench"]:
        assert (probe.is_positive, probe.target, probe.expected) == (False, "Berlin", "330 metres")
    assert not any(
        names(text, word) for text in tower.neutral for word in ("Berlin", "Paris", "Eiffel Tower")
    )


def test_further_edits_stand_alone(tower):
    assert len(tower.synthetic) == 5
    for made in tower.synthetic:
        assert made.request.prompt.count(made.request.subject) == 1
        assert len(made.probes) == 4
        assert audit(made.request, {"edit_bench": made.probes}).rejects == ()
    every = [x for m in tower.synthetic for x in (m.request.subject, m.request.target)]
    assert len(set(every)) == len(every)


def test_the_notes_name_model_counts_and_cost(tower):
    assert tower.generator == "llm 1 (scripted)"
    first, counts, *others = tower.notes
    assert first.startswith("probes by the language model scripted at http://127.0.0.1:")
    assert first.endswith(": 10 answers, 1,000 tokens in, 500 out")
    assert counts.startswith("accepted / rejected / asked again: wording ")
    assert all(f"{p.id} " in counts for p in PURPOSES)
    assert others == ["the relation in the model's words: city that a landmark stands in"]


def test_what_a_server_is_sent():
    with serving() as server:
        plan_of(server, seed=3)
    assert sorted(server.purposes()) == sorted(["fact", *(p.id for p in PURPOSES)])
    assert server.purposes()[0] == "fact"
    for call in server.calls:
        assert call.payload["model"] == "scripted"
        assert call.payload["seed"] == 3
        assert call.payload["max_tokens"] == QUICK.max_tokens
        assert "temperature" not in call.payload
        assert call.payload["response_format"]["type"] == "json_schema"
        assert set(call.data) <= {
            *("prompt", "subject", "target", "old", "relation", "kind", "names", "counts", "variation")
        }
    assert set(server.calls[0].data) == {"prompt", "subject"}


def test_the_same_seed_and_answers_give_the_same_bytes_without_a_call(tmp_path):
    with serving() as server:
        first = plan_of(server, tmp_path, seed=1)
        calls = len(server.calls)
        again = plan_of(server, tmp_path, seed=1)
        assert len(server.calls) == calls
        other = plan_of(server, tmp_path, seed=2)
        assert len(server.calls) == 2 * calls
    assert json.dumps(plan_to_json(first)) == json.dumps(plan_to_json(again))
    assert plan_from_json(json.loads(json.dumps(plan_to_json(first)))) == first
    assert other.probes["edit_bench"] != first.probes["edit_bench"]


def test_kept_answers_are_tied_to_all_that_could_change_them(tmp_path):
    with serving() as server:
        plan_of(server, tmp_path)
        calls = len(server.calls)
        Llm("another", server.means(cache=tmp_path)).plan(TOWER, 0)
        assert len(server.calls) == 2 * calls
        warm = LlmSettings(timeout=5, temperature=0.5)
        Llm("scripted", server.means(warm, cache=tmp_path)).plan(TOWER, 0)
        assert len(server.calls) == 3 * calls
        assert server.calls[-1].payload["temperature"] == 0.5
        patient = LlmSettings(timeout=50, attempts=1, concurrency=1)
        Llm("scripted", server.means(patient, cache=tmp_path)).plan(TOWER, 0)
        assert len(server.calls) == 3 * calls, "how it is asked changes no answer"


def test_a_damaged_file_is_asked_for_again(tmp_path):
    with serving() as server:
        first = plan_of(server, tmp_path)
        files = sorted((tmp_path / "llm").iterdir())
        assert len(files) == len(server.calls) == 10
        files[0].write_text('{"answer": ')
        files[1].write_text('{"answer": {"direct": 3}, "tokens": [1, 2]}')
        assert plan_of(server, tmp_path) == first
        assert len(server.calls) == 12


def test_at_most_so_many_calls_at_a_time():
    def slow(call: Call) -> Reply:
        return Reply(json.dumps(good(call.purpose, call.data)), delay=0.05)

    for concurrency in (1, 3):
        with serving(slow) as server:
            Llm("scripted", server.means(LlmSettings(timeout=5, concurrency=concurrency))).plan(TOWER, 0)
        assert server.most_at_once == concurrency


def test_what_the_audit_rejects_is_asked_for_again_and_counted():
    def leaky(call: Call) -> Reply:
        answer = good(call.purpose, call.data)
        if call.purpose == "reach" and call.number == 0:
            answer["implied"] = ["Berlin, where the Eiffel Tower stands, is called", "In the tower city of"]
        return said(answer)

    with serving(leaky) as server:
        plan = plan_of(server)
    assert server.purposes().count("reach") == 2
    again = next(c for c in server.calls if c.purpose == "reach" and c.number == 1).data
    assert set(again["counts"]) == {"implied"}
    assert {r["reason"] for r in again["again"]["refused"]} == {
        "the prompt already names the answer",
        "a probe about the subject does not name it",
    }
    assert [(r.benchmark, r.reason) for r in plan.rejects] == [
        ("edit_generalization", "leak"),
        ("edit_generalization", "no_subject"),
    ]
    assert " · reach " in plan.notes[1] and "/2/1 · " in plan.notes[1]
    assert len([p for p in plan.probes["edit_generalization"] if p.axis == "implied"]) >= 2
    reach = plan.sifted["edit_generalization"]
    assert (reach.rejected, reach.again) == (2, 1) and reach.accepted >= 8
    others = {id: one for id, one in plan.sifted.items() if id != "edit_generalization"}
    assert {(one.rejected, one.again) for one in others.values()} == {(0, 0)}
    assert plan_from_json(json.loads(json.dumps(plan_to_json(plan)))).sifted == plan.sifted


def test_what_each_benchmark_was_made_from(tower):
    assert set(tower.sifted) == set(FED_BY) == set(AXES)
    for id, probes in tower.probes.items():
        assert {p.source.split(":")[2] for p in probes} <= set(FED_BY[id])
        made = tower.sifted_for(id)
        assert made.accepted >= len({p.prompt for p in probes if p.axis not in COPIES})
    assert tower.sifted["leme"].accepted >= 5 and tower.sifted["ripple_bench"].accepted >= 8
    old = replace(tower, sifted={})
    assert old.sifted_for("ripple_bench") == Sifted(None, 0, None), "stored before this was counted"
    catalogue = replace(old, making=None)
    assert catalogue.sifted_for("ripple_bench") == Sifted(len(tower.probes["ripple_bench"]), 0, None)
    assert catalogue.sifted_for("leme") == Sifted(len(tower.long_form), 0, None)
    assert catalogue.sifted_for("batch_edit_consistency").accepted == 6 + len(tower.synthetic)


def test_nothing_is_padded_where_a_model_gives_nothing():
    def poor(call: Call) -> Reply:
        answer = good(call.purpose, call.data)
        for axis in ("multi_hop", "inverse", "alternate", "same_subject"):
            if axis in answer:
                answer[axis] = answer[axis][:2] if axis == "same_subject" and call.number == 0 else []
        return said(answer)

    with serving(poor) as server:
        plan = plan_of(server)
    assert plan.probes["indirect_fact_recovery"] == ()
    assert len(plan.probes["ripple_bench"]) == 2
    assert "multi_hop 0 of 4" in plan.notes[-1] and "same_subject 2 of 8" in plan.notes[-1]
    assert server.purposes().count("subject") == 2, "asking again brought nothing, so it was left at that"


@pytest.mark.parametrize(("purpose", "axis"), [("wording", "paraphrase"), ("prose", "neutral")])
def test_the_catalogue_lends_what_the_three_checks_lack_and_nothing_else(purpose, axis):
    def poor(call: Call) -> Reply:
        answer = good(call.purpose, call.data)
        if call.purpose == purpose:
            answer[axis] = ["The Eiffel Tower is in Berlin. Yes.", *answer[axis][:2]]
        return said(answer)

    once = LlmSettings(timeout=5, again=0)
    with serving(poor) as server:
        plan = plan_of(server, settings=once)
        assert plan_of(server, settings=once) == plan
    lent = [p for p in plan.paraphrases if not p.source.startswith("llm:")]
    assert (len(lent), len(plan.paraphrases)) == ((2, 4) if axis == "paraphrase" else (0, 6))
    assert len(plan.neutral) == (20 if axis == "neutral" else 24)
    figures = (2, 4, 0, 24) if axis == "paraphrase" else (0, 6, 18, 20)
    assert plan.notes[-1] == (
        "the three checks: {} of {} paraphrases and {} of {} neutral prompts are the catalogue's, because too few "
        "of the model's were usable".format(*figures)
    )
    asked = [p for found in plan.probes.values() for p in found]
    assert asked and all(p.source.startswith("llm:") for p in asked), "no benchmark asks what was lent"
    assert not {same(p.prompt) for p in lent} & {same(p.prompt) for p in asked}
    assert audit(plan.request, {VALIDATION: plan.paraphrases, **plan.probes}).rejects == ()


def test_a_purpose_without_a_readable_answer_costs_only_its_own_benchmarks(tmp_path):
    with serving(only("premise", [Reply("no json")])) as server:
        plan = plan_of(server, tmp_path)
        calls = server.purposes()
        assert calls.count("premise") == 1 + QUICK.repairs
        assert json.dumps(plan_to_json(plan_of(server, tmp_path))) == json.dumps(plan_to_json(plan))
        assert server.purposes() == calls, "that there is no answer is kept like an answer"
        other = plan_of(server, tmp_path, seed=1)
    assert plan.probes["indirect_fact_recovery"] == ()
    assert len(plan.probes["edit_bench"]) == 8 and other.probes["indirect_fact_recovery"] == ()
    assert " · premise 0/0/0 (no readable answer) · " in plan.notes[1]
    assert "multi_hop 0 of 4" in plan.notes[-1]


def test_a_model_that_says_nothing_about_the_fact_is_asked_all_the_same():
    with serving(only("fact", [Reply("It is a tower.")])) as server:
        plan = plan_of(server)
    assert (plan.request.old, len(plan.probes["edit_bench"])) == ("Paris", 8)
    assert "alias (the model knows no other name)" in plan.notes[-1]


def test_a_server_that_ignores_the_form_is_shown_an_example_and_read_leniently():
    def careless(call: Call) -> Reply:
        if call.purpose == "fact":
            return Reply("The Eiffel Tower stands in Paris.")
        answer = good(call.purpose, call.data)
        if call.purpose == "elsewhere":
            answer["unrelated"][1] = "The capital of Canada is Ottawa"
            del answer["cross_domain"]
        text = f"Here you are {{as asked}}:\n```json\n{json.dumps(answer)}"
        return Reply(text[: text.index("compositional") + 30] if call.purpose == "transfer" else text)

    with serving(careless) as server:
        plan = plan_of(server, settings=LlmSettings(timeout=5, again=0))
    told = [call.payload for call in server.calls]
    assert [("response_format" in p) for p in told] == [True, *[False] * 11]
    for payload in told[1:]:
        assert [m["role"] for m in payload["messages"][:4]] == ["system", "user", "assistant", "user"]
        assert "Mount Everest" in text_of(payload["messages"][1])
    portability = {p.axis for p in plan.probes["portability_sub_metrics"]}
    assert portability == {"template"}, "cut off in the middle: what was whole is used"
    assert plan.probes["locality_sensitivity_score"] == ()
    assert any(note.startswith("1 more items had another form") for note in plan.notes)


def test_a_user_who_knows_the_old_answer_is_believed():
    with serving() as server:
        plan = plan_of(server, request=Request(TOWER.prompt, TOWER.subject, "Berlin", old="Lyon"))
    assert plan.request.old == "Lyon"


def test_an_old_answer_that_only_the_model_knows_is_said_to_be_unchecked():
    zork = Request("The Eiffel Tower was once painted in the colour", "The Eiffel Tower", "Berlin")
    with serving() as server:
        plan = plan_of(server, request=zork)
    assert plan.request.old == "Paris"
    assert any("the model's word" in note for note in plan.notes)


def test_avoided_prompts_and_repeats_in_another_benchmark_are_rejected():
    def twice(call: Call) -> Reply:
        answer = good(call.purpose, call.data)
        if call.purpose == "reach":
            answer["implied"] = good("wording", {"counts": {"direct": 6}, "variation": 0})["direct"]
        return said(answer)

    with serving(twice) as server:
        plan = plan_of(server, avoid=["The amber door of the house was"])
    assert [r.reason for r in plan.rejects].count("spent") >= 6
    assert "The amber door of the house was" not in plan.neutral
    assert any("more rejected when" in note for note in plan.notes)
    spent = sum(r.reason == "spent" and r.benchmark == "edit_generalization" for r in plan.rejects)
    made = plan.sifted["edit_generalization"]
    assert made.rejected == spent > 0
    assert made.accepted >= len(plan.probes["edit_generalization"])


@pytest.mark.parametrize("n", [1, 3])
def test_the_number_of_probes_is_a_ceiling(n):
    with serving() as server:
        plan = plan_of(server, n_probes=n, n_synthetic=2)
    for id, found in plan.probes.items():
        if id in ("fine_tune_diff", "preservation_vs_memorization"):
            assert max(sum(p.axis == axis for p in found) for axis in AXES[id]) <= n
        else:
            assert len(found) <= n
    assert len(plan.synthetic) == 2


def test_progress_is_told_and_ends():
    heard = Heard()
    with serving() as server:
        Llm("scripted", server.means(emit=heard)).plan(TOWER, 0)
    assert (
        [d["stage"] for d in heard.of("stage_started")]
        == ["ask"]
        == [d["stage"] for d in heard.of("stage_finished")]
    )
    told = [d["title"] for d in heard.of("stage_progress")]
    assert "the fact in other words: 100 tokens in, 50 out" in told
    assert max(d["done"] for d in heard.of("stage_progress")) == 10


def test_in_a_notebook_a_plan_is_made_beside_the_running_loop():
    import asyncio

    async def cell() -> Plan:
        with serving() as server:
            return plan_of(server)

    assert asyncio.run(cell()).generator == "llm 1 (scripted)"


def test_anthropics_protocol_gives_the_same_probes(tower, tmp_path):
    with serving() as server:
        server.base_url = server.base_url.removesuffix("/v1")
        plan = Llm("anthropic:scripted", server.means(cache=tmp_path)).plan(TOWER, 0)
        assert Llm("anthropic:scripted", server.means(cache=tmp_path)).plan(TOWER, 0) == plan
    assert (plan.probes, plan.synthetic, plan.neutral) == (tower.probes, tower.synthetic, tower.neutral)
    assert plan.notes[0].endswith(": 10 answers, 1,000 tokens in, 500 out")
    assert len(server.calls) == 10
    for call in server.calls:
        assert call.payload["max_tokens"] == QUICK.max_tokens
        assert "seed" not in call.payload
        assert [tool["name"] for tool in call.payload["tools"]] == ["final_result"]


def test_a_server_that_knows_no_schemas_is_asked_in_words():
    def plain(call: Call) -> Reply:
        if "response_format" in call.payload:
            return Reply(body=b'{"error": "unknown field response_format"}', status=400)
        return Reply(f"Here you are:\n```json\n{json.dumps(good(call.purpose, call.data))}\n```")

    with serving(plain) as server:
        plan = plan_of(server)
    assert len(plan.probes["edit_bench"]) == 8
    assert sum("response_format" in call.payload for call in server.calls) == 1, "it is not tried again"
