"""Names of autoencoders: the alias with and without its files, folders, and none."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from assay.errors import ModelError
from assay.sae import shipped
from assay.sae.coder import SAE
from assay.sae.formats.save import save_sae
from assay.sae.shipped import default_sae, find_sae, open_sae, sae_folder, shipped_folder


def small(layer: int = 15) -> SAE:
    return SAE("here", "relu", torch.eye(3), torch.zeros(3), torch.eye(3), torch.zeros(3), layer=layer)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the package would keep the alias' files; it is empty."""
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path / "shipped")
    return tmp_path / "shipped" / "smollm2-layer15-16384"


def test_an_alias_without_files_is_no_default_and_an_error_by_name(place: Path) -> None:
    assert shipped_folder("smollm2") is None and default_sae("smollm2") is None
    assert find_sae(None, "smollm2") is None
    for ask in (open_sae, sae_folder, lambda name: find_sae(name, "smollm2")):
        with pytest.raises(ModelError) as caught:
            ask("smollm2")
        error = caught.value
        assert error.came == "the SAE 'smollm2', whose weights are not in this installation"
        assert "sae/shipped/smollm2-layer15-16384" in error.wanted
        assert "assay sae train --recipe smollm2" in error.todo


def test_half_a_folder_is_no_default(place: Path) -> None:
    save_sae(small(), place)
    (place / "cfg.json").unlink()
    assert shipped_folder("smollm2") is None and find_sae(None, "smollm2") is None


def test_an_alias_with_files_is_the_default_of_its_model(place: Path) -> None:
    save_sae(small(), place)
    assert shipped_folder("smollm2") == default_sae("smollm2") == sae_folder("smollm2") == place
    for found in (find_sae(None, "smollm2"), find_sae("smollm2", "another model")):
        assert found is not None and found.folder == place
        assert (found.sae.id, found.sae.layer) == ("smollm2", 15)
    assert open_sae("smollm2").hash == small().hash
    assert default_sae("gpt2") is None and find_sae(None, "gpt2") is None
    assert find_sae("none", "smollm2") is None


def test_any_folder_will_do(place: Path, tmp_path: Path) -> None:
    folder = save_sae(small(3), tmp_path / "mine")
    assert shipped_folder(str(folder)) is None
    for path in (folder, str(folder)):
        found = find_sae(path, "smollm2")
        assert found is not None and (found.folder, found.sae.layer) == (folder, 3)
        assert found.sae.id == str(folder)


@pytest.mark.parametrize(
    ("make", "todo"),
    [
        (lambda folder: folder / "nowhere", "check the spelling or the path"),
        (lambda folder: save_sae(small(), folder) / "cfg.json", "name the folder, not a file in it"),
    ],
)
def test_what_is_no_folder_is_explained(tmp_path: Path, make: Callable[[Path], Path], todo: str) -> None:
    path = make(tmp_path / "sae")
    with pytest.raises(ModelError, match="which is neither an alias nor a folder") as caught:
        find_sae(path, "smollm2")
    assert (caught.value.wanted, caught.value.todo) == (
        "an alias (smollm2), a folder that holds an SAE, or owner/name[/folder] on the hub",
        todo,
    )


def test_a_folder_without_an_sae_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no SAE of a known format"):
        open_sae(tmp_path)
