from __future__ import annotations

from pathlib import Path

import faults
import official
import pytest
import small_networks as small
import torch
from torch import Tensor, nn
from torchvision.models.swin_transformer import SwinTransformer

from baselines.tagger.checkpoint import fold_dape, load_ram
from baselines.tagger.extractor import DAPETags, RAMTags
from baselines.tagger.ram import RAM, RAMConfig
from baselines.tagger.swin import Swin, SwinConfig
from benchmarks.api.errors import WeightsCorruptError

FOLDER = Path(__file__).parent
GOLDEN = official.read(FOLDER / "golden.json")
TOLERANCE = 2e-5  # in float64; the official code ran in float32
VISION = SwinConfig(channels=24, depths=(2, 2, 4, 2), heads=(2, 2, 4, 4))
CONFIG = RAMConfig(vision=VISION, width=48, heads=4, hidden=96)


_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_VISION_PARTS = {
    "patch_embed": r"patch_embed\.",
    "norms before attention": r"blocks.*norm1\.",
    "queries, keys and values": r"blocks.*qkv\.",
    "relative positions": "relative_position_bias_table",
    "outputs of attention": r"blocks.*attn\.proj\.",
    "norms before the mlp": r"blocks.*norm2\.",
    "fc1": r"blocks.*fc1\.",
    "fc2": r"blocks.*fc2\.",
    "downsamplers": r"downsample\.",
    "the last norm": r"^visual_encoder\.norm\.",
    "image_proj": r"^image_proj\.",
}
_HEAD_PARTS = {
    "label_embed": "^label_embed",
    "wordvec_proj": r"^wordvec_proj\.",
    "queries of the head": r"self\.query\.",
    "keys of the head": r"self\.key\.",
    "values of the head": r"self\.value\.",
    "outputs of the head's attention": r"crossattention\.output\.dense",
    "norms of the head's attention": r"crossattention\.output\.LayerNorm",
    "intermediate": r"intermediate\.",
    "output": r"\d\.output\.dense",
    "norms of the output": r"\d\.output\.LayerNorm",
    "fc": r"^fc\.",
}
_HARMLESS = ("fc swapped",)  # it has one output


def _ram_state() -> dict[str, Tensor]:
    """The official file's tensors for the small network: the head under its training name."""
    state = small.filled(RAM(CONFIG).state_dict(), "ram.")
    state["fc.weight"] *= 10  # so that some tags are given and some are not
    state["fc.bias"] = torch.tensor([5.0])
    state = {key.replace("tagging_head", "vision_multi"): value for key, value in state.items()}
    unused = {
        "text_decoder.cls.bias",
        "visual_encoder.layers.0.blocks.0.attn.relative_position_index",
    }
    return state | {key: torch.zeros(3) for key in unused}


def _dape_state() -> dict[str, Tensor]:
    shapes: dict[str, tuple[int, ...]] = {}
    for name, module in RAM(CONFIG).named_modules():
        if name.endswith(".attn.qkv"):
            dim = module.in_features
            shapes |= {f"{name}.lora_A": (16, dim), f"{name}.lora_B": (2 * dim, 8)}
        elif name.endswith((".self.query", ".self.key")):
            for owner in (name, name.replace("tagging_head", "tag_encoder")):
                shapes[f"{owner}.lora_A"] = (8, module.in_features)
                shapes[f"{owner}.lora_B"] = (module.out_features, 8)
    return small.filled(shapes, "dape.")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """RAM's and DAPE's files for the small network."""
    folder = tmp_path_factory.mktemp("tagger")
    torch.save({"model": _ram_state(), "epoch": 3}, folder / "ram.pth")
    torch.save(_dape_state(), folder / "DAPE.pth")
    return folder / "ram.pth", folder / "DAPE.pth"


@pytest.mark.parametrize("case", ["ram", "dape"])
def test_features_and_logits_are_those_of_the_official_code(
    files: tuple[Path, Path], case: str
) -> None:
    network = RAM(CONFIG).eval()
    load_ram(network, files[0])
    if case == "dape":
        fold_dape(network, files[1])
    taps: dict[str, Tensor] = {}
    block = network.visual_encoder.layers[0].blocks[1]  # a shifted one
    block.register_forward_hook(lambda _, __, y: taps.update(shifted_block=y.flatten(1, 2)))
    network.image_proj.register_forward_hook(lambda _, __, y: taps.update(image_embeds=y))
    with torch.inference_mode():
        taps["logits"] = network.double()(_seen().double())
    for name, tensor in taps.items():
        small.assert_golden(GOLDEN[case], name, tensor, atol=TOLERANCE)


def _seen(*, mean: tuple[float, ...] = _MEAN, std: tuple[float, ...] = _STD) -> Tensor:
    enlarged = (small.picture(512, 512) * 0.4 + 0.5).mul(255).round() / 255
    x = torch.nn.functional.interpolate(enlarged, (384, 384), mode="bilinear")
    return (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


def test_a_fault_is_seen_hundredfold(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, write_golden: bool
) -> None:
    """In the logits, or in the image's features for what comes before them."""
    network, dape = RAM(CONFIG).eval(), RAM(CONFIG).eval()
    for one in (network, dape):
        load_ram(one, files[0])
    fold_dape(dape, files[1])
    x = _seen()
    with torch.inference_mode():
        tokens, logits = network.encode(x), network(x)
        table = {
            name: faults.change(found, tokens)
            for name, found in {
                "DAPE's updates": dape.encode(x),
                "channels swapped": network.encode(x.flip(1)),
                "not normalised": network.encode(_seen(mean=(0, 0, 0), std=(1, 1, 1))),
                "rows for columns": network.encode(x.mT),
            }.items()
        }
        table["DAPE's updates, in the logits"] = faults.change(dape(x), logits)
    table |= faults.of_weights(lambda: network.encode(x), (network,), _VISION_PARTS)
    monkeypatch.setattr(network, "encode", lambda _: tokens)
    table |= faults.of_weights(lambda: network(x), (network,), _HEAD_PARTS, harmless=_HARMLESS)
    faults.check(table, FOLDER / "sensitivity.csv", TOLERANCE, write=write_golden)


def _torchvision_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return Swin's tensors under the names of torchvision's Swin."""
    found = {}
    for key, value in state.items():
        name = key.replace("patch_embed.proj", "features.0.0")
        name = name.replace("patch_embed.norm", "features.0.2")
        stage, _, rest = name.removeprefix("layers.").partition(".")
        if rest.startswith("blocks."):
            name = f"features.{2 * int(stage) + 1}.{rest.removeprefix('blocks.')}"
        elif rest.startswith("downsample."):
            name = f"features.{2 * int(stage) + 2}.{rest.removeprefix('downsample.')}"
        found[name.replace("mlp.fc1", "mlp.0").replace("mlp.fc2", "mlp.3")] = value
    return found


def _torchvision_swin(config: SwinConfig) -> nn.Module:
    return SwinTransformer(
        patch_size=[4, 4],
        embed_dim=config.channels,
        depths=list(config.depths),
        num_heads=list(config.heads),
        window_size=[config.window, config.window],
        stochastic_depth_prob=0.0,
        num_classes=1,
    )


def test_the_encoder_is_swin_as_torchvision_has_it() -> None:
    network = Swin(VISION).eval().double()
    network.load_state_dict(small.filled(network.state_dict(), "swin."))
    reference = _torchvision_swin(VISION).eval().double()
    missing, unexpected = reference.load_state_dict(
        _torchvision_names(network.state_dict()), strict=False
    )
    assert not unexpected
    assert all(key.endswith("relative_position_index") or "head" in key for key in missing)
    x = small.picture(384, 384).double()
    with torch.inference_mode():
        tokens = network(x)
        expected = reference.norm(reference.features(x)).flatten(1, 2)
    torch.testing.assert_close(tokens[:, 1:], expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(tokens[:, 0], expected.mean(1), rtol=0, atol=1e-12)


def test_the_encoder_has_the_size_of_swin_large() -> None:
    with torch.device("meta"):
        network, reference = Swin(SwinConfig()), _torchvision_swin(SwinConfig())
    del reference.head
    count, expected = (sum(p.numel() for p in n.parameters()) for n in (network, reference))
    assert count == expected == 195_198_516


def test_a_layer_of_the_head_is_cross_attention_and_a_post_normalised_mlp() -> None:
    network = RAM(CONFIG)
    network.load_state_dict(small.filled(network.state_dict(), "ram."))
    layer = network.double().tagging_head.encoder["layer"][0]
    queries, tokens = small.in_double(torch.randn(2, 5, 48), torch.randn(2, 7, 512))
    cross = layer.crossattention
    attention = nn.MultiheadAttention(48, 4, kdim=512, vdim=512, batch_first=True).double()
    part = cross["self"]
    with torch.no_grad():
        attention.q_proj_weight.copy_(part.query.weight)
        attention.k_proj_weight.copy_(part.key.weight)
        attention.v_proj_weight.copy_(part.value.weight)
        attention.in_proj_bias.copy_(torch.cat([part.query.bias, part.key.bias, part.value.bias]))
        attention.out_proj.load_state_dict(cross["output"].dense.state_dict())
        x = cross["output"].LayerNorm(queries + attention(queries, tokens, tokens)[0])
        hidden = nn.functional.gelu(layer.intermediate["dense"](x))
        expected = layer.output.LayerNorm(x + layer.output.dense(hidden))
        torch.testing.assert_close(layer(queries, tokens), expected, rtol=0, atol=1e-12)
    assert layer.output.LayerNorm.eps == 1e-12


def test_dape_leaves_the_keys_of_the_encoder_alone(files: tuple[Path, Path]) -> None:
    network, plain = RAM(CONFIG), RAM(CONFIG)
    for one in (network, plain):
        load_ram(one, files[0])
    fold_dape(network, files[1])
    changed, before = (
        one.visual_encoder.layers[1].blocks[0].attn.qkv.weight for one in (network, plain)
    )
    q, k, v = (changed - before).chunk(3)
    state, name = _dape_state(), "visual_encoder.layers.1.blocks.0.attn.qkv"
    a, b = state[f"{name}.lora_A"], state[f"{name}.lora_B"]
    torch.testing.assert_close(q, b[:48] @ a[:8] / 8, rtol=0, atol=1e-6)
    torch.testing.assert_close(v, b[48:] @ a[8:] / 8, rtol=0, atol=1e-6)
    assert not k.any()


def test_a_wrong_ram_file_is_refused(tmp_path: Path) -> None:
    state = _ram_state()
    del state["vision_multi.encoder.layer.1.output.dense.bias"]
    torch.save({"model": state}, tmp_path / "ram.pth")
    name = r"tagging_head\.encoder\.layer\.1\.output\.dense\.bias"
    with pytest.raises(WeightsCorruptError, match=f"key '{name}' is missing"):
        load_ram(RAM(CONFIG), tmp_path / "ram.pth")
    torch.save(state, tmp_path / "ram.pth")
    with pytest.raises(WeightsCorruptError, match="'model' is missing where dict"):
        load_ram(RAM(CONFIG), tmp_path / "ram.pth")


@pytest.mark.parametrize("shape", [None, (16, 7)])
def test_a_wrong_dape_file_is_refused(tmp_path: Path, shape: tuple[int, ...] | None) -> None:
    state, key = _dape_state(), "visual_encoder.layers.0.blocks.0.attn.qkv.lora_A"
    if shape is None:
        del state[key]
    else:
        state[key] = torch.zeros(shape)
    torch.save(state, tmp_path / "DAPE.pth")
    with pytest.raises(WeightsCorruptError, match=key.replace(".", r"\.")):
        fold_dape(RAM(CONFIG), tmp_path / "DAPE.pth")


def test_the_default_size_is_that_of_the_released_model() -> None:
    with torch.device("meta"):
        network = RAM(RAMConfig())
    assert network.label_embed.shape == (4585, 512)
    assert network.image_proj.weight.shape == (512, 1536)
    assert RAMTags.card.dtypes == DAPETags.card.dtypes
