"""What is not a number is never made one: in no kernel, engine or precision."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from writers import write_fasta, write_vcf, write_weights

from varscore import load_model, score_vcf
from varscore.engines.finite import first_not_finite
from varscore.engines.incremental.engine import IncrementalEngine
from varscore.engines.incremental.kernels.difference import GATED_ACTIVATIONS
from varscore.engines.incremental.kernels.steps import FusedSteps, Steps
from varscore.engines.incremental.kernels.stored import Stored
from varscore.engines.processor import Processor
from varscore.engines.two_pass import TwoPassEngine
from varscore.errors import ModelError
from varscore.inputs.genome import ReferenceGenome
from varscore.models.model import Model
from varscore.statistics import STATISTICS
from varscore.variant import Variant
from varscore.windows import Windowing

NAN, INF = float("nan"), float("inf")
BFLOAT16 = replace(Processor.of(torch.device("cpu")), bfloat16=True)
BOTH = sorted(GATED_ACTIVATIONS)


def numbers(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def steps_of(name, reduced):
    """The compiled loops; where no precision is reduced, torch's operations, too."""
    activation = GATED_ACTIVATIONS[name]
    yield FusedSteps(activation, reduced=reduced)
    if not reduced:
        yield Steps(activation, torch.float64)


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("large", [0.01, 5.0])  # each loop has a form for small differences
def test_a_difference_that_is_none_stays_none(name, reduced, large):
    for steps in steps_of(name, reduced):
        kind = torch.bfloat16 if reduced else steps._dtype
        point, _ = steps.reference(Stored(numbers(9, 16).to(steps._dtype), 0))
        diff = (numbers(2, 5, 16) * large).to(kind)
        diff[1, 2, 7] = NAN
        spoilt = torch.isnan(diff)
        assert torch.equal(torch.isnan(steps.activate(point, [0, 3], diff)), spoilt)
        taps = diff[:, :, None]
        found = steps.activate_taps(point, [0, 3], taps, 5, 0, 1)
        assert torch.equal(torch.isnan(found), spoilt)
        old = torch.zeros(2, 5, 16, dtype=steps._dtype)
        total, active = steps.add_and_activate(point, [0, 3], diff.clone(), old, 0)
        assert torch.equal(torch.isnan(total), spoilt)
        assert torch.equal(torch.isnan(active), spoilt)
        logits = Stored(numbers(9, 16).to(steps._dtype), 0)
        slope = logits.with_values(torch.sigmoid(logits.values))
        assert torch.equal(torch.isnan(steps.softplus(logits, slope, [0, 3], diff)), spoilt)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("large", [0.01, 5.0])
def test_what_is_none_in_the_reference_is_none_in_a_difference(name, large):
    for steps in steps_of(name, reduced=False):
        ref = numbers(5, 16).to(steps._dtype)
        ref[2, 7] = NAN
        spoilt = torch.isnan(ref)[None]
        point, active = steps.reference(Stored(ref, 0))
        assert torch.equal(torch.isnan(active), spoilt[0])
        assert torch.equal(torch.isnan(steps.apply(ref)), spoilt[0])
        diff = (numbers(1, 5, 16) * large).to(steps._dtype)
        assert torch.equal(torch.isnan(steps.activate(point, [0], diff)), spoilt)
        logits = Stored(ref, 0)
        slope = logits.with_values(torch.sigmoid(ref))
        assert torch.equal(torch.isnan(steps.softplus(logits, slope, [0], diff)), spoilt)


def test_rounding_to_bfloat16_makes_no_number_of_none():
    """With all bits of a fraction set, rounding up would carry into the sign."""
    bits = torch.tensor([0x7FFFFFFF, 0x7F800001, -1, 0x7F800000], dtype=torch.int32)
    diff = bits.view(torch.float32).expand(1, 1, 4).contiguous()
    steps = FusedSteps(GATED_ACTIVATIONS["gelu_new"], reduced=True)
    point, _ = steps.reference(Stored(torch.zeros(1, 4), 0))
    out = steps.activate(point, [0], diff)
    assert out.dtype == torch.bfloat16
    assert not torch.isfinite(out.float()).any()


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    bases = np.random.default_rng(0).choice(list("ACGT"), 9000)
    with ReferenceGenome(
        write_fasta(tmp_path_factory.mktemp("g") / "g.fa", {"c": "".join(bases)})
    ) as genome:
        yield genome


def spoilt(weights, one, other):
    """A network whose logits of track 1 are 10 times `one` and 10 times `other`, in a sum.

    Whatever is read: no difference reaches them.
    """
    model = load_model(weights, device="cpu")
    with torch.no_grad():
        model.network.head.conv.bias[:2] = 10.0
        model.network.head.conv.weight[:2] = 0.0
        model.network.final.weight[1, :2] = torch.tensor([one, other])
    return model


@pytest.mark.parametrize(
    ("one", "other", "scored"), [(3e38, -3e38, False), (3e38, 0.0, False), (-3e38, 0.0, True)]
)
@pytest.mark.parametrize("engine", ["two-pass", "incremental", "mixed"])
def test_both_engines_refuse_the_same(tiny_weights, genome, engine, one, other, scored):
    """Infinity less infinity; infinity; and of a logit of minus infinity a coverage of 0."""
    network = spoilt(tiny_weights, one, other).network
    ref = genome.fetch(("c", 4499, 4500))
    variants = [Variant("c", 4500, ref, alt) for alt in "ACGT" if alt != ref]
    kind = TwoPassEngine if engine == "two-pass" else IncrementalEngine
    options = {"precision": "mixed", "processor": BFLOAT16} if engine == "mixed" else {}
    sad = [STATISTICS["SAD"]]
    windowing = Windowing(network.config.window_length, network.config.bin_width)
    found = kind(network, genome, windowing, sad, [0, 1], **options).score(variants)
    assert np.isfinite(found[:, 0, 0]).all()
    assert (np.isfinite(found[:, 0, 1]) == scored).all()
    if scored:
        assert (found[:, 0, 1] == 0).all()
    else:
        said = first_not_finite(network, genome, windowing, variants[0])
        assert said.startswith("layer final gives ")


@pytest.mark.parametrize("engine", ["two-pass", "incremental", "auto"])
def test_the_message_names_layer_variant_and_track(tiny_weights, genome, tmp_path, engine):
    broken = spoilt(tiny_weights, 3e38, 0)
    ref = genome.fetch(("c", 4499, 4500))
    vcf = write_vcf(tmp_path / "v.vcf", [("c", 4500, ref, "A" if ref != "A" else "C")])
    with pytest.raises(ModelError) as refusal:
        score_vcf(vcf, genome.path, tmp_path / "o.parquet", model=broken, engine=engine)
    assert str(refusal.value) == (
        f"record 0, allele 1 (c:4500:{ref}:{'A' if ref != 'A' else 'C'}): SAD of track track_1 "
        "is nan, expected a finite number; layer final gives infinity: check the model's "
        "weights, or get them again"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["v.vcf"]


def test_the_first_layer_is_named_wherever_it_stands(tiny_weights, genome):
    network = load_model(tiny_weights, device="cpu").network
    windowing, variant = (
        Windowing(network.config.window_length, network.config.bin_width),
        Variant("c", 4500, "A", "C"),
    )
    assert first_not_finite(network, genome, windowing, variant) is None
    with torch.no_grad():
        network.blocks[1].pointwise.conv.bias[0] = INF
    said = first_not_finite(network, genome, windowing, variant)
    assert said == "layer blocks.1.pointwise gives infinity"


def test_what_only_a_precision_or_a_statistic_cannot_hold_is_said_so(
    tiny_weights, genome, tmp_path
):
    """Squares of finite coverage overflow: no layer is at fault."""
    model = load_model(tiny_weights, device="cpu")
    with torch.no_grad():
        model.network.final.weight *= 1e30
        model.network.final.bias += 1e25
    loud = Model(model.network, model.tracks, model.metadata)
    ref = genome.fetch(("c", 4499, 4500))
    vcf = write_vcf(tmp_path / "v.vcf", [("c", 4500, ref, "A" if ref != "A" else "C")])
    with pytest.raises(
        ModelError, match=r"D2 of .* all layers give finite numbers in two pass"
    ):
        score_vcf(vcf, genome.path, tmp_path / "o.parquet", model=loud, statistics=["D2"])


def test_float64_networks_are_folded_in_float64(tmp_path):
    """Against the network as it was trained, batch norms and all."""
    weights = write_weights(tmp_path / "w.safetensors", 1024)
    from varscore.models.basenji2 import Basenji2
    from varscore.models.registry import read_checkpoint

    checkpoint = read_checkpoint(weights)
    plain = Basenji2(checkpoint.config).double().eval()
    plain.load_state_dict({k: t.double() for k, t in checkpoint.tensors.items()}, strict=False)
    dna = torch.nn.functional.one_hot(torch.arange(1024) * 7 % 4, 4).t()[None].double()
    folded = load_model(weights, device="cpu", dtype=torch.float64).network
    with torch.inference_mode():
        torch.testing.assert_close(folded(dna), plain(dna), rtol=1e-12, atol=1e-13)
