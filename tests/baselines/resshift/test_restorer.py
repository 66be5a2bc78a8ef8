"""The restorers: official files in, images out, whatever the size, the batch and the order."""

from __future__ import annotations

import pytest
import torch
from golden_tables import seeded

from baselines.resshift import cards, restorer
from baselines.resshift.autoencoder import Autoencoder, VQConfig
from baselines.resshift.restorer import ResShift, ResShiftV2, ResShiftV3, SinSR, SinSRV2
from baselines.resshift.unet import SwinUNet, UNetConfig
from benchmarks import registry
from benchmarks.api.errors import ConfigError, WeightsCorruptError, WeightsMissingError
from benchmarks.api.images import read_rgb, to_tensor
from benchmarks.api.restorer import LRBatch, Runtime
from benchmarks.api.weights import WeightStore

NAMES = ("resshift", "resshift-v2", "resshift-v3", "sinsr", "sinsr-v2")


def _batch(*images, seeds=(3, 5, 7, 11)):
    ids = tuple(map(str, range(len(images))))
    return LRBatch(images=torch.stack(images), ids=ids, seeds=seeds[: len(images)])


def _random(*shape, seed=0):
    return torch.rand(3, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def networks():
    """Networks even smaller than those of the golden table."""
    config = UNetConfig(
        image_size=32,
        channels=32,
        channel_mult=(1, 1),
        blocks_per_level=1,
        swin_width=32,
        head_width=16,
    )
    unet = SwinUNet(config).eval()
    unet.load_state_dict(seeded(_shapes(unet), 1))
    autoencoder = Autoencoder(VQConfig(channels=8, codes=64, norm_groups=4)).eval()
    autoencoder.load_state_dict(seeded(_shapes(autoencoder), 2))
    return unet, autoencoder


def _shapes(network):
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


@pytest.fixture
def sinsr(networks):
    def build(**runtime):
        return SinSR(Runtime(card=cards.SINSR, **runtime), *networks)

    return build


def test_registered():
    classes = (ResShift, ResShiftV2, ResShiftV3, SinSR, SinSRV2)
    assert tuple(map(registry.restorer, NAMES)) == classes
    assert tuple(kind.card.name for kind in classes) == NAMES


def test_steps():
    steps = {name: registry.restorer(name).card.default_steps for name in NAMES}
    assert steps == dict(zip(NAMES, (15, 15, 4, 1, 1), strict=True))
    assert ResShiftV3.schedule.steps == 4
    with pytest.raises(ConfigError, match="cannot run 4 steps; legal: 15"):
        cards.RESSHIFT.check_steps(4)


def test_the_methods_share_one_autoencoder_file(tmp_path):
    store = WeightStore(root=tmp_path)
    places = {store.place(name, registry.restorer(name).card.weights[1]) for name in NAMES}
    assert places == {tmp_path / "resshift" / "autoencoder_vq_f4.pth"}
    files = [registry.restorer(name).card.weights[0].name for name in NAMES]
    assert len(set(files)) == len(NAMES)


def test_every_file_asks_for_consent():
    files = {file for name in NAMES for file in registry.restorer(name).card.weights}
    assert len(files) == 6
    assert all("ommercial" in file.consent for file in files)


def test_missing_weights_say_how_to_get_them(tmp_path):
    runtime = Runtime(card=cards.SINSR, weights=WeightStore(root=tmp_path))
    with pytest.raises(WeightsMissingError, match=r"SinSR_v1.pth .*\n.*weights fetch sinsr"):
        SinSR.load(runtime)


@pytest.fixture
def official_files(checkpoints, tmp_path, monkeypatch, unet_config, vq_config):
    """A weights folder with small files under the official names, and networks of that size."""
    from baselines.resshift import autoencoder, unet

    for name, source in (
        ("sinsr/SinSR_v1.pth", "unet"),
        ("resshift/resshift_realsrx4_s4_v3.pth", "unet"),
        ("resshift/autoencoder_vq_f4.pth", "autoencoder"),
    ):
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(checkpoints / f"{source}.pth")
    monkeypatch.setattr(unet, "UNetConfig", lambda: unet_config)
    monkeypatch.setattr(autoencoder, "VQConfig", lambda: vq_config)
    return tmp_path


@pytest.mark.parametrize("kind", [SinSR, ResShiftV3])
def test_official_files_load_and_restore(kind, official_files):
    method = kind.load(Runtime(card=kind.card, weights=WeightStore(root=official_files)))
    sr = method.restore(_batch(_random(16, 24)))
    assert sr.shape == (1, 3, 64, 96)
    assert sr.std() > 0.1
    assert set(method.pop_stages()) == {"vae", "network"}


def test_full_size_networks_refuse_small_files(checkpoints, tmp_path):
    (tmp_path / "sinsr").mkdir()
    (tmp_path / "resshift").mkdir()
    (tmp_path / "sinsr/SinSR_v1.pth").symlink_to(checkpoints / "unet.pth")
    (tmp_path / "resshift/autoencoder_vq_f4.pth").symlink_to(checkpoints / "autoencoder.pth")
    with pytest.raises(
        WeightsCorruptError, match="SinSR_v1.pth: key 'time_embed.0.weight' has shape"
    ):
        SinSR.load(Runtime(card=cards.SINSR, weights=WeightStore(root=tmp_path)))


@pytest.mark.parametrize("size", [(1, 1), (20, 33), (64, 64), (65, 40)])
def test_every_size_restores(size, sinsr):
    sr = sinsr().restore(_batch(_random(*size)))
    assert sr.shape == (1, 3, 4 * size[0], 4 * size[1])


def test_an_image_is_the_same_alone_and_in_a_batch(sinsr):
    images = [_random(40, 48, seed=seed) for seed in range(3)]
    together = sinsr().restore(_batch(*images))
    for i, image in enumerate(images):
        alone = sinsr().restore(_batch(image, seeds=((3, 5, 7)[i],)))
        assert torch.equal(together[i], alone[0])


def test_seeds_decide(sinsr):
    image = _random(16, 16)
    first, second = (sinsr().restore(_batch(image, seeds=(seed,))) for seed in (1, 2))
    assert (first - second).abs().max() > 0.05
    assert torch.equal(first, sinsr().restore(_batch(image, seeds=(1,))))


def test_upstream_s_noise_depends_on_the_order_not_on_the_seed(sinsr):
    image = _random(16, 16)
    faithful = sinsr(options={"noise": "upstream"})
    first, second = (faithful.restore(_batch(image, seeds=(1,))) for _ in range(2))
    assert (first - second).abs().max() > 0.05
    again = sinsr(options={"noise": "upstream"}).restore(_batch(image, seeds=(2,)))
    assert torch.equal(first, again)


def test_tiles_that_cover_the_same_pixels_are_averaged(sinsr):
    image = _random(70, 64)
    whole, chopped = sinsr(), sinsr(options={"chop": "64"})
    assert whole.chop == 512
    sr = chopped.restore(_batch(image))
    assert sr.shape == (1, 3, 280, 256)
    upper = sinsr().restore(_batch(image[:, :64]))  # the first tile has the first noise
    assert torch.allclose(sr[0, :, :24], upper[0, :, :24], atol=1e-5)
    assert not torch.allclose(sr[0, :, 24:256], upper[0, :, 24:], atol=1e-2)


def test_offload_gives_the_same_image(sinsr):
    batch = _batch(_random(24, 24))
    assert torch.equal(sinsr(offload=True).restore(batch), sinsr().restore(batch))


class _Recorder(torch.nn.Module):
    """A network that notes the dtype it would compute in."""

    def __init__(self, dtypes):
        super().__init__()
        self.dtypes = dtypes

    def _note(self, x):
        self.dtypes.append((x @ x.mT).dtype)
        return x

    def encode(self, image):
        return self._note(image[..., ::4, ::4])

    def decode(self, latent):
        return self._note(latent.repeat_interleave(4, -1).repeat_interleave(4, -2))

    def forward(self, x, t, lr):
        return self._note(x)


def test_half_precision_reaches_both_networks():
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        dtypes = []
        runtime = Runtime(card=cards.SINSR, dtype=name)
        SinSR(runtime, _Recorder(dtypes), _Recorder(dtypes)).restore(_batch(_random(8, 8)))
        assert dtypes == [dtype] * 3


def test_options(networks):
    with pytest.raises(ConfigError, match="'sinsr' cannot take chop=100"):
        SinSR(Runtime(card=cards.SINSR, options={"chop": "100"}), *networks)
    deterministic = Runtime(card=cards.RESSHIFT, options={"sampler": "deterministic"})
    from baselines.resshift import chain

    assert ResShift(deterministic, *networks)._chain() is chain.deterministic
    assert ResShift(Runtime(card=cards.RESSHIFT), *networks)._chain() is chain.ancestral


def test_photographs_in_batches_of_one_and_four(sinsr, shared_data):
    files = sorted((shared_data / "realsr-mini" / "lr").glob("*.png"))[:4]
    images = [to_tensor(read_rgb(file)) for file in files]
    together = sinsr().restore(_batch(*images))
    assert together.shape == (4, 3, 512, 512)
    for i, seed in ((0, 3), (3, 11)):
        alone = sinsr().restore(_batch(images[i], seeds=(seed,)))
        assert torch.equal(together[i], alone[0])


def test_restorer_module_is_light():
    import subprocess
    import sys

    code = f"import sys, {restorer.__name__}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
