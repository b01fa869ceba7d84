"""How far images lie from what a module's first batch norm saw in training."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from gate.measure.inference.batch_norm import divergences_at_first_norm

IMAGES = torch.from_numpy(np.random.default_rng(0).uniform(0, 1, (6, 3, 8, 8)).astype("f4"))


def trained(layer, shown):
    """Return a network whose batch norm has seen images, in evaluation mode."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), layer, nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    for _ in range(60):
        net(shown)
    return net.eval()


def divergences(net, images=IMAGES):
    with torch.inference_mode():
        return divergences_at_first_norm(net, images, net)


def test_it_is_the_divergence_of_two_gaussians():
    net = trained(nn.BatchNorm2d(4), IMAGES)
    norm = net[1]
    with torch.no_grad():
        reached = net[0](IMAGES).double().flatten(2)
    own = Normal(reached.mean(2), (reached.var(2, unbiased=False) + norm.eps).sqrt())
    kept = Normal(norm.running_mean.double(), (norm.running_var.double() + norm.eps).sqrt())

    expected = kl_divergence(own, kept).mean(1).detach().numpy()
    np.testing.assert_allclose(divergences(net), expected, rtol=1e-4)


@pytest.mark.parametrize("scale", [0.25, 0.5, 2, 4, 255])
@pytest.mark.parametrize("offset", [0.0, -0.5, 1.0])
def test_its_mean_is_least_as_in_training(scale, offset):
    net = trained(nn.BatchNorm2d(4), IMAGES)

    assert divergences(net).mean() < divergences(net, IMAGES * scale + offset).mean()


@pytest.mark.parametrize(
    "net",
    [
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)),
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)),  # it has seen no image
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(3)),
    ],
    ids=["none", "as made", "keeps none", "no places"],
)
def test_a_module_without_learned_statistics_of_places_tells_nothing(net):
    if isinstance(net[-1], nn.BatchNorm1d):
        net[-1].running_mean += 1

    assert divergences(net.eval()) is None


def test_the_module_is_left_without_hooks_even_where_it_stops():
    net = trained(nn.BatchNorm2d(4), IMAGES)

    with pytest.raises(RuntimeError):
        divergences(net, IMAGES[:, :2])

    assert not net[1]._forward_pre_hooks


def test_what_is_not_finite_is_not_told():
    net = trained(nn.BatchNorm2d(4), IMAGES)
    some = IMAGES.clone()
    some[0] = torch.nan

    found = divergences(net, some)

    assert np.isnan(found[0])
    assert np.isfinite(found[1:]).all()
