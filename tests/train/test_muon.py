import torch

from impasto.train.muon import Muon, orthogonal


def test_singular_values_come_near_one_and_directions_stay():
    torch.manual_seed(0)
    for shape in ((8, 40), (40, 8), (16, 16)):
        matrix = torch.randn(shape, dtype=torch.float64)
        found = orthogonal(matrix)
        values = torch.linalg.svdvals(found)
        assert values.max() < 1.3
        assert values.median() > 0.6
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        assert torch.allclose(
            left.mT @ found @ right.mT, torch.diag((left.mT @ found @ right.mT).diagonal()), atol=1e-9
        )


def test_a_step_is_the_rate_times_the_weights_own_norm():
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(6, 3, 3, 3))
    before = weight.detach().clone()
    optimizer = Muon([weight], lr=0.02)
    weight.square().sum().backward()
    optimizer.step()
    assert torch.isclose((weight - before).norm(), 0.02 * before.norm(), rtol=1e-4)
    assert ((weight - before) * before).sum() < 0  # downhill


def test_it_finds_a_linear_map():
    torch.manual_seed(0)
    wanted, inputs = torch.randn(8, 12), torch.randn(12, 256)
    weight = torch.nn.Parameter(torch.randn(8, 12))
    optimizer = Muon([weight], lr=0.1)
    for step in range(150):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * (1 - step / 150)
        optimizer.zero_grad()
        ((weight - wanted) @ inputs).square().mean().backward()
        optimizer.step()
    assert (weight - wanted).norm() < 0.02 * wanted.norm()
