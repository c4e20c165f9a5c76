"""A real server with a real, weak model behind it drives a whole suite: nothing breaks, and nothing is hidden."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path

import pytest

pytest.importorskip("pydantic_ai")

from served import missing, served

from assay.errors import GeneratorError
from assay.generators.llm.purposes import PURPOSES
from assay.generators.means import means_in
from assay.generators.plan_json import plan_to_json
from assay.generators.table import generator
from assay.models.gguf import unpacked
from assay.models.packaged import packaged_file
from assay.options import Options
from assay.pipeline import run_edit
from assay.report.cards import benches
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.store import Store
from assay.settings import LlmSettings
from default_home import default_home
from small import LENIENT, TOWER, Heard, save
from tiny import tiny_model

pytestmark = pytest.mark.slow

CHAT = "{% for message in messages %}{{ message.content }}\n{% endfor %}"
"""A chat template of the simplest kind."""

BOUNDED = replace(
    LENIENT,
    llm=LlmSettings(timeout=300, attempts=1, repairs=0, again=1, max_tokens=40, concurrency=1),
)
"""What keeps a weak model on one core to a minute or two."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default model as a Hugging Face folder, which is what the server reads."""
    return unpacked(packaged_file("smollm2"), default_home(tmp_path_factory).cache)


@pytest.fixture(scope="module")
def base_url(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    why = missing()
    if why is not None:
        pytest.skip(why)
    with served(folder, tmp_path_factory.mktemp("server") / "log") as url:
        yield url


def test_a_served_model_that_writes_nothing_readable_is_named(tmp_path: Path) -> None:
    """Random weights: every question reaches the server, is answered and counted, and no answer can be read."""
    why = missing()
    if why is not None:
        pytest.skip(why)
    model = tiny_model("llama", max_position_embeddings=1 << 15)
    tokenizer = deepcopy(model.tokenizer)
    tokenizer.chat_template = CHAT
    folder, heard = save(replace(model, tokenizer=tokenizer), tmp_path / "model"), Heard()
    with served(folder, tmp_path / "log") as url:
        means = means_in(tmp_path / "cache", url, 300, heard, BOUNDED.llm)
        with pytest.raises(GeneratorError, match="does not fit") as caught:
            generator(f"llm:{folder}", means).plan(TOWER, 0, 3, 1)
    assert str(folder) in caught.value.came and "one readable answer" in caught.value.wanted
    titles = [data["title"] for data in heard.of("stage_progress") if data["stage"] == "ask"]
    assert sum("tokens in" in title for title in titles) >= 1 + len(PURPOSES), "progress for every call"
    assert len(list((tmp_path / "cache" / "llm").iterdir())) >= len(PURPOSES), "what was answered is kept"


@pytest.mark.nightly
@pytest.mark.default_model
def test_a_served_model_drives_a_whole_suite(
    tmp_path: Path, folder: Path, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It also is the model that is edited."""
    home = Home(tmp_path / "home")
    monkeypatch.setenv("ASSAY_HOME", str(home.root))
    options = Options(
        model=str(folder), layer=1, trace=False, sae="none", generator=f"llm:{folder}", base_url=base_url
    )
    plans, heard = [], Heard()
    with Store(home) as store:
        run_id = store.create_run("edit", TOWER.to_json(), asdict(options))
        with recording(store, run_id, heard) as run:

            def save(edit, plan):
                plans.append(plan)
                run.save(edit, plan)

            run.finish(run_edit(TOWER, options, run.emit, home.cache, save, BOUNDED).status)
        document = store.document(run_id)
    assert document["status"] == "committed"
    assert document["settings"]["llm"] == asdict(BOUNDED.llm)
    rows = {row["id"]: row for row in document["benchmarks"]}
    (plan,) = plans
    assert len(rows) == 13
    for row in rows.values():
        assert str(folder) in row["generator"]
        assert (row["score"] is None) == bool(row["reason"]), "no score without a reason, and no 0 for none"
        made = plan.sifted_for(row["id"])
        assert (row["accepted"], row["rejects"], row["again"]) == (made.accepted, made.rejected, made.again)
        assert row["accepted"] >= len({probe["prompt"] for probe in row["probes"]}) > 0 or not row["probes"]
    unasked = {id for id, probes in plan.probes.items() if not probes} - {
        "leme",
        "sequential_collapse_threshold",
    }
    assert all(rows[id]["score"] is None and "no probe" in rows[id]["reason"] for id in unasked)
    notes = document["generator"]["notes"]
    assert "tokens in" in notes[0] and all(f"{purpose.id} " in notes[1] for purpose in PURPOSES)
    assert len(plan.paraphrases) >= 4 and len(plan.neutral) >= 20
    assert all(p.source.startswith("llm:") for probes in plan.probes.values() for p in probes)
    lent = sum(not p.source.startswith("llm:") for p in plan.paraphrases)
    assert lent == 0 or any(note.startswith(f"the three checks: {lent} of ") for note in notes)
    titles = [data["title"] for data in heard.of("stage_progress") if data["stage"] == "ask"]
    assert plan.making is not None
    calls = 1 + len(PURPOSES) + plan.making.again
    assert sum("tokens in" in title for title in titles) == calls, "progress for every call"
    assert plan.making.answers == calls, "what was asked again is counted, too"
    assert (plan.making.again == 0) == all(row["again"] == 0 for row in rows.values())
    assert plan.making.rejected + plan.making.unread > 0, (
        "so weak a model cannot have written only what is usable"
    )
    assert plan.making.again >= 1, "and what was too little was asked for once more"
    shown = {card.id: card.made for card in benches(document)}
    for id, row in rows.items():
        assert shown[id].startswith(
            f"{row['accepted']:,} accepted, {row['rejects']:,} rejected by the audit, "
        )

    # The same command once more: nothing is asked, and not a byte differs.
    once_more, same = Heard(), []
    short = replace(options, bench=False)
    run_edit(TOWER, short, once_more, home.cache, lambda edit, plan: same.append(plan), BOUNDED)
    told = [data["title"] for data in once_more.of("stage_progress") if data["stage"] == "ask"]
    assert told and not any(title.startswith("asking for") for title in told)
    assert json.dumps(plan_to_json(same[0])) == json.dumps(plan_to_json(plan))
