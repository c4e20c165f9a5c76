"""What carries the subject before an edit, and the words of the warning."""

from dataclasses import replace

import pytest
import torch
from slow_footprint import ABOUT, NEUTRAL, SUBJECT, random_sae, stream, subject_at

from assay.errors import Mismatch, RequestError
from assay.features.carried import Carried, carried
from assay.features.known import Known
from assay.features.streams import on_subject
from assay.models.model import Model, weight_hash
from assay.runs.strict import dumps
from assay.sae.coder import SAE
from assay.settings import FeatureSettings


def seen(model: Model, sae: SAE, known: dict[int, Known], **settings: float) -> Carried:
    return carried(model, sae, on_subject(model, SUBJECT, ABOUT), known, FeatureSettings(**settings))  # type: ignore[arg-type]


def slowly(model: Model, sae: SAE) -> torch.Tensor:
    """Share of each feature at the subject's last token, one plain forward a prompt, (d_sae,) float64."""
    assert sae.layer is not None
    total = torch.zeros(sae.d_sae, dtype=torch.float64)
    for prompt in ABOUT:
        codes = sae.encode(stream(model, prompt, sae.layer)[subject_at(model, prompt)][None])[0]
        for feature, value in enumerate(codes.tolist()):
            total[feature] += float((value * sae.W_dec[feature]).double().norm())
    return total / total.sum()


def test_shares_are_those_of_plain_forwards(some_model: Model) -> None:
    sae = random_sae(some_model, 2)
    share = slowly(some_model, sae)
    best = [int(i) for i in share.argsort(descending=True)]
    known = {best[0]: Known("a", 0.5, verdict="low"), best[1]: Known("b", 0.9, verdict="high")}
    known |= {best[2]: Known("c", 0.6, verdict="uncertain")}
    found = seen(some_model, sae, known, carried_known=0.0)
    assert found.purity is not None
    for verdict, feature in (("low", best[0]), ("high", best[1]), ("uncertain", best[2])):
        assert getattr(found.purity, verdict) == pytest.approx(float(share[feature]), rel=1e-3)
    assert found.purity.known + found.purity.unscored == pytest.approx(1)
    assert found.low_purity == pytest.approx(float(share[best[0]] / share[best[:3]].sum()), rel=1e-3)
    assert [row.feature for row in found.features[:3]] == best[:3]
    assert found.features[0].share == pytest.approx(float(share[best[0]]), rel=1e-3)
    assert found.features[0].known.label == "a"
    assert weight_hash(some_model.module) == some_model.hash
    row = found.to_json()["features"][0]
    assert (row["feature"], row["label"], row["verdict"]) == (best[0], "a", "low")
    dumps(found.to_json())


def of_all(sae: SAE, verdict: str) -> dict[int, Known]:
    return {feature: Known(purity=0.5, verdict=verdict) for feature in range(sae.d_sae)}  # type: ignore[arg-type]


def test_low_purity_is_warned_of_in_a_sentence(llama: Model) -> None:
    sae = random_sae(llama, 2)
    found = seen(llama, sae, of_all(sae, "low"))
    assert found.warning == (
        "Features of low purity carry 100% of what the SAE reads at the subject's last token after block 2 "
        "(a warning from 50% on): an edit of this subject is likely to move other things that they stand for. "
        "Look at RippleBench and the footprint."
    )
    assert (found.low_purity, found.reason) == (pytest.approx(1), None)


@pytest.mark.parametrize("verdict", ["high", "uncertain"])
def test_other_purity_is_no_reason_to_warn(llama: Model, verdict: str) -> None:
    sae = random_sae(llama, 2)
    found = seen(llama, sae, of_all(sae, verdict))
    assert (found.low_purity, found.warning, found.reason) == (0, None, None)


def test_the_line_is_a_setting(llama: Model) -> None:
    sae = random_sae(llama, 2)
    share = slowly(llama, sae)
    best = int(share.argmax())
    known = {**of_all(sae, "high"), best: Known(purity=0.5, verdict="low")}
    line = float(share[best])
    assert 0.02 < line < 0.5
    assert seen(llama, sae, known, carried_low=line - 0.01).warning is not None
    assert seen(llama, sae, known, carried_low=line + 0.01).warning is None


def test_without_purities_nothing_is_claimed(llama: Model) -> None:
    sae = random_sae(llama, 2)
    found = seen(llama, sae, {})
    assert (found.low_purity, found.warning) == (None, None)
    assert found.reason == "the purity of this SAE's features is not known"
    best = int(slowly(llama, sae).argmax())
    share = f"{float(slowly(llama, sae)[best]):.0%}"
    few = seen(llama, sae, {best: Known(purity=0.4, verdict="low")})
    assert (few.low_purity, few.warning) == (None, None)
    assert few.reason == (
        f"purity is known of features that carry {share} of the subject's last token, wanted 50%"
    )


def test_a_silent_autoencoder_carries_nothing(llama: Model) -> None:
    sae = random_sae(llama, 2, threshold=torch.full((48,), 1e9))
    found = seen(llama, sae, of_all(sae, "low"))
    assert found.reason == "no feature is active at the subject's last token"
    assert (found.purity, found.low_purity, found.warning, found.features) == (None, None, None, ())


def test_another_model_and_no_prompt_are_refused(llama: Model) -> None:
    sae = random_sae(llama, 2)
    with pytest.raises(Mismatch, match="reads after block 9"):
        seen(llama, replace(sae, layer=9), {})
    with pytest.raises(RequestError, match="no prompt with the subject"):
        carried(llama, sae, on_subject(llama, SUBJECT, NEUTRAL))
