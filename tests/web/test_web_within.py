"""No page opens a model or an autoencoder outside of the folders that the server was begun with."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.errors import InputError, ModelError
from assay.sae import hub
from assay.web import serve, within
from assay.web.edit_form import EXAMPLE
from web_site import open_site

FORM = EXAMPLE.model_dump()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a model in it, and another model beside it; links lead in and out."""
    for name in ("home/exports/mine", "beside/theirs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "beside" / "x.gguf").touch()
    (tmp_path / "home" / "out").symlink_to(tmp_path / "beside" / "theirs")
    (tmp_path / "home" / "x.gguf").symlink_to(tmp_path / "beside" / "x.gguf")
    (tmp_path / "home" / "round").symlink_to(tmp_path / "home" / "round")
    (tmp_path / "beside" / "in").symlink_to(tmp_path / "home" / "exports" / "mine")
    return tmp_path / "home"


@pytest.mark.parametrize("name", ["smollm2", "gpt2", "EleutherAI/pythia-70m", "Qwen/Qwen2.5-0.5B"])
def test_names_of_models_are_names(home: Path, name: str) -> None:
    assert within.model(name, (home,)) == name


@pytest.mark.parametrize("name", ["{0}/exports/mine", "{0}/../beside/in", "{0}/none", "{0}/y.gguf", "{0}"])
def test_what_lies_in_the_home_may_be_opened(home: Path, name: str) -> None:
    found = name.format(home)
    assert within.model(found, (home,)) == found


A_FOLDER_OF_A_REPOSITORY = "a/b/c"
OUTSIDE = [
    "/",
    "/etc/passwd",
    "{0}/../beside/theirs",
    "{0}/exports/mine/../../../beside/theirs",
    "{0}/out",
    "{0}/out/further",
    "{0}/x.gguf",
    "{0}/round/../../beside/theirs",
    "{0}x",
    "../beside/theirs",
    "../../../etc",
    "./gpt2",
    A_FOLDER_OF_A_REPOSITORY,
    "gpt2/..",
    "x.gguf",
    "~",
    "~/models/x",
    "~nobody-of-this-name/x",
    "file:///etc",
    "theirs",
    "owner/" + "x" * 290 + ".gguf",
]


@pytest.mark.parametrize("name", [name for name in OUTSIDE if name != A_FOLDER_OF_A_REPOSITORY])
def test_no_other_folder_holds_an_autoencoder(home: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.parent / "beside")
    found = name.format(home)
    with pytest.raises(InputError, match="outside of what this server may open") as caught:
        within.sae(found, (home,))
    wanted = "an alias (smollm2), none, owner/name[/folder] on the hub, or a folder"
    assert caught.value.wanted == f"{wanted} in {home}"


@pytest.mark.parametrize(
    "name", ["owner/one", A_FOLDER_OF_A_REPOSITORY, "google/gemma-scope-2b-pt-res/layer_3/w"]
)
def test_names_of_autoencoders_on_the_hub_are_names_and_the_hub_is_not_asked(
    home: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "fetched", lambda *_: pytest.fail("asked"))
    assert within.sae(name, (home,)) == name
    (home.parent / name).mkdir(parents=True)
    monkeypatch.chdir(home.parent)  # a folder of this name goes before the hub
    with pytest.raises(InputError, match="outside of what this server may open"):
        within.sae(name, (home,))


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_other_path_is_opened_whether_it_exists_or_not(
    home: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.parent / "beside")  # a folder of this name goes before the hub
    found = name.format(home)
    with pytest.raises(InputError) as caught:
        within.model(found, (home,))
    assert caught.value.came == f"the model {found!r}, which is outside of what this server may open"
    assert caught.value.wanted == f"an alias, a hub id, or a folder or .gguf file in {home}"
    assert caught.value.todo == "put it there, or begin the server with it: assay ui --allow FOLDER"


def test_a_folder_that_is_allowed_may_be_opened_and_a_link_is_where_it_leads(home: Path) -> None:
    beside = home.parent / "beside"
    for name in (f"{home}/out", f"{home}/x.gguf", f"{beside}/theirs"):
        assert within.model(name, (home, beside)) == name
    assert within.sae(f"{home}/out", (home, beside)) == f"{home}/out"
    linked = home.parent / "linked"
    linked.symlink_to(beside)
    assert within.model(f"{beside}/theirs", (home, linked)) == f"{beside}/theirs"


def test_an_autoencoder_of_the_home_must_be_a_folder(home: Path) -> None:
    assert within.sae("none", (home,)) == "none"
    with pytest.raises(ModelError, match="neither an alias nor a folder"):
        within.sae(f"{home}/none", (home,))


@pytest.mark.parametrize("field", ["model", "sae"])
def test_the_form_refuses_what_is_outside_and_takes_what_is_allowed(home: Path, field: str) -> None:
    theirs = home.parent / "beside" / "theirs"
    asked = {**FORM, field: str(theirs)}
    with open_site(home) as site:
        error = site.post("/api/edits", asked, 422)["error"]
        assert error["field"] == field and "outside of what this server may open" in error["came"]
        assert list(site.post("/api/edits/check", asked)["problems"]) == [field]
        assert site.server.store.count() == 0
    with open_site(home, theirs.parent) as site:
        run_id = site.post("/api/edits", asked, 201)["run_id"]
        assert site.get(f"/api/runs/{run_id}")["options"][field] == str(theirs)


def test_the_command_hands_on_the_folders_that_are_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[object] = []
    monkeypatch.setattr(serve, "serve", lambda *given: handed.extend(given))
    words = ["--home", str(home), "ui", "--no-open", "--allow", f"{home}/exports", "--allow", f"{home}/out"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert (home / "exports", home / "out") in handed
    refused = CliRunner().invoke(app, [*words, "--allow", f"{home}/none"])
    assert refused.exit_code == 2 and f"--allow {home}/none, which is not a folder" in refused.output
