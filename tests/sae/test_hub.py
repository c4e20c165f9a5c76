"""SAEs by their names on the Hugging Face hub, against a small hub on this machine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import foreign_libraries
import foreign_saelens
import pytest
import torch
from foreign import D_SAE, Draw, Foreign
from hub_server import GATED, Hub, serving_hub
from huggingface_hub import constants
from huggingface_hub.utils import close_session

import assay
from assay.errors import ModelError
from assay.features.labels import book
from assay.features.place import TABLE, place_of
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.sae.hub import BESIDE, Address, address
from assay.sae.shipped import folder_here, open_sae, sae_folder

pytestmark = pytest.mark.slow

WANTED = "an SAE's folder, here or on the Hugging Face hub"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty hub that this process sees, and an empty cache."""
    with serving_hub(tmp_path / "hub") as served:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", served.url)
        template = served.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        close_session()  # a client that was made offline stays so
        yield served
    close_session()


def on(hub: Hub, folder: Path) -> str:
    """What a folder of the hub is called."""
    return folder.relative_to(hub.root).as_posix()


def published(hub: Hub, name: str, seed: int = 0) -> Path:
    """One in SAELens' format under this name."""
    return save_sae(
        load_sae(foreign_saelens.saelens_jumprelu(hub.root / "drafts", Draw(seed)).folder), hub.root / name
    )


def refused(name: str) -> tuple[str, str, str]:
    with pytest.raises(ModelError) as caught:
        open_sae(name)
    return caught.value.came, caught.value.wanted, caught.value.todo


MAKERS = (*foreign_saelens.MAKERS, *foreign_libraries.MAKERS)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_every_format_is_the_same_from_the_hub(hub: Hub, make: Callable[[Path, Draw], Foreign]) -> None:
    # Gemma Scope says in the repository's name which model it is of.
    gemma = make is foreign_libraries.gemma_scope
    foreign: Foreign = make(hub.root / "owner" if gemma else hub.root / "owner" / "library", Draw())
    name, want = on(hub, foreign.folder), load_sae(foreign.folder)
    (foreign.folder / "optimizer.pt").write_bytes(b"large")
    found = open_sae(name)
    assert (found.id, found.hash, found.d_sae) == (name, want.hash, D_SAE)
    assert (found.layer, found.model_id, found.context) == (want.layer, want.model_id, want.context)
    x = torch.randn(20, want.d_in, generator=torch.Generator().manual_seed(1))
    assert torch.equal(found.encode(x), want.encode(x))
    assert not any("optimizer" in path for path in hub.asked)


def test_what_is_in_the_cache_is_not_asked_for_again(hub: Hub) -> None:
    published(hub, "owner/one")
    assert folder_here("owner/one") is None
    first = open_sae("owner/one")
    asked = len(hub.asked)
    assert asked == 3  # what there is, the configuration, the weights
    assert open_sae("owner/one").hash == first.hash and folder_here("owner/one") == sae_folder("owner/one")
    assert len(hub.asked) == asked


def test_a_download_that_was_cut_off_goes_on(hub: Hub) -> None:
    weights = published(hub, "owner/one") / "sae_weights.safetensors"
    whole = weights.read_bytes()
    weights.unlink()
    weights.mkdir()  # listed by nobody: the hub does not have it yet
    assert refused("owner/one")[0] == (
        "the SAE 'owner/one', which holds no SAE of a known format, only cfg.json"
    )
    weights.rmdir()
    weights.write_bytes(whole)
    sae_folder("owner/one")
    (sae_folder("owner/one") / "cfg.json").unlink()  # weights alone, as another program may leave them
    assert folder_here("owner/one") is None
    assert open_sae("owner/one").d_sae == D_SAE


def test_labels_and_table_come_with_it(hub: Hub, tmp_path: Path) -> None:
    assert BESIDE == (book.FILE, TABLE)
    folder = published(hub, "owner/many/layer_3")
    for file in BESIDE:
        (folder / file).write_text("kept")
    sae = assay.load_sae("owner/many/layer_3")
    place = place_of(tmp_path / "home", sae.hash, folder_here(sae.id))
    assert place.table_file() is not None
    assert place.shipped is not None and (place.shipped / book.FILE).read_text() == "kept"


def test_a_folder_here_goes_before_the_hub(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(hub, "owner/one", seed=1)
    mine = save_sae(load_sae(published(hub, "drafts/mine", seed=2)), tmp_path / "owner" / "one")
    monkeypatch.chdir(tmp_path)
    assert open_sae("owner/one").hash == load_sae(mine).hash and hub.asked == []


def test_places_without_one_say_where_they_are(hub: Hub) -> None:
    for layer in (2, 10, *range(20, 27)):
        published(hub, f"owner/many/layer_{layer}/width_16k")
    some = [f"owner/many/layer_{layer}/width_16k" for layer in (2, 10, 20, 21, 22, 23)]
    assert refused("owner/many") == (
        "the SAE 'owner/many', below which there are 9",
        WANTED,
        f"name one: {', '.join(some)} or 3 more",
    )
    assert refused("owner/many/layer_10/")[2] == "name one: owner/many/layer_10/width_16k"
    came, _, todo = refused("owner/many/layer_21/width_16")
    assert came == "the SAE 'owner/many/layer_21/width_16', where there is none"
    assert todo.startswith("name one: owner/many/layer_21/width_16k, ")


def test_what_cannot_be_read_is_explained(hub: Hub) -> None:
    assert refused("owner/nothing") == (
        "the SAE 'owner/nothing', which is no folder here, and no repository on the hub that you may read",
        WANTED,
        "check the spelling; if it is a private one: hf auth login",
    )
    published(hub, GATED)
    assert refused(GATED) == (
        f"the SAE '{GATED}', whose owner lets in only those who ask",
        WANTED,
        "ask on its page, then hf auth login",
    )
    (hub.root / "owner/empty").mkdir(parents=True)
    assert refused("owner/empty")[0].endswith("which holds no SAE of a known format, only nothing")
    foreign_libraries.gemma_scope(hub.root / "owner", Draw())
    both = published(hub, "owner/two")
    (both / "params.npz").touch()
    came, _, todo = refused("owner/two")
    assert came == "the SAE 'owner/two', which holds weights of SAELens and of Gemma Scope"
    assert todo == "copy the files of one here, and name that folder"
    cut = published(hub, "owner/cut") / "sae_weights.safetensors"
    cut.write_bytes(cut.read_bytes()[:-9])
    assert "sae_weights.safetensors cannot be read" in refused("owner/cut")[0]


def test_a_hub_that_is_away(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    published(hub, "owner/one")
    open_sae("owner/one")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert open_sae("owner/one").d_sae == D_SAE
    came, wanted, todo = refused("owner/other")
    assert came.startswith("the SAE 'owner/other', which is no folder here, and the hub does not answer: ")
    assert wanted == WANTED
    assert todo == "check the spelling and the network, or copy the SAE's folder here and name that"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("google/gemma-scope-2b-pt-res", Address("google/gemma-scope-2b-pt-res", "")),
        ("a/b/layer_3/width_16k/", Address("a/b", "layer_3/width_16k")),
        ("a/b/blocks.8.hook_resid_pre", Address("a/b", "blocks.8.hook_resid_pre")),
        ("a/" + "b" * 94, Address("a/" + "b" * 94, "")),
        ("a/" + "b" * 95, None),
        *(
            (name, None)
            for name in ("a", "a/", "/a/b", "./a/b", "../a/b", "~/a", "a/..", "a/b/../c", "a/b/./c")
        ),
        *(
            (name, None)
            for name in ("a//b", "a/b//c", "a\\b/c", "C:\\a\\b", "a/b/c\\d", "a b/c", "", "hf://a/b")
        ),
    ],
)
def test_what_can_be_a_name_on_the_hub(name: str, found: Address | None) -> None:
    assert address(name) == found


def test_files_of_an_address() -> None:
    assert Address("a/b", "").file("cfg.json") == "cfg.json"
    assert Address("a/b", "c/d").file("checkpoints/final.safetensors") == "c/d/checkpoints/final.safetensors"
    assert Address("a/b", "c/d").file("../config.json") == "c/config.json"


def test_a_command_of_its_own(tmp_path: Path) -> None:
    with serving_hub(tmp_path / "hub") as served:
        made = foreign_libraries.gemma_scope(served.root / "google", Draw())
        name = on(served, made.folder)
        env = os.environ | served.env(tmp_path / "cache")
        words = [
            sys.executable,
            "-m",
            "assay.cli.main",
            "sae",
            "import",
            name,
            str(tmp_path / "out"),
            "--json",
        ]
        ran = subprocess.run(words, env=env, capture_output=True, text=True, timeout=200)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["was"]["format"] == "Gemma Scope"
    made_of = load_sae(tmp_path / "out")
    assert (made_of.hash, made_of.model_id) == (load_sae(made.folder).hash, "google/gemma-2-2b")
