"""Half-painted pictures take after their painting, and of a pool the same piece is cut out of all."""

import torch

from conftest import picture
from impasto.see.encoder import ChainEncoder
from impasto.see.stats import gram
from impasto.train.half_painted import paint_halfway, piece


def test_half_painted_pictures_are_on_their_way_to_the_painting():
    torch.manual_seed(0)
    encoder = ChainEncoder(((8,), (8,), (8,), (8, 8))).eval().requires_grad_(False)
    content, style = picture(1, 64, 64), 0.3 * picture(2, 64, 64)
    pairs = paint_halfway(encoder, content, style, torch.Generator().manual_seed(1))
    assert 1 <= len(pairs) <= 4
    assert {(tuple(pair.shape), pair.dtype) for pair in pairs} == {((3, 3, 64, 64), torch.uint8)}
    assert all(torch.equal(pair[1], (style[0] * 255).round().byte()) for pair in pairs)
    assert all(torch.equal(pair[2], (content[0] * 255).round().byte()) for pair in pairs)

    def apart(image):
        a, b = (gram(encoder(x, ["relu1_1"])["relu1_1"]) for x in (image, style))
        return float((a - b).norm() / b.norm())

    assert apart(pairs[-1][:1].float() / 255) < 0.5 * apart(content)


def test_the_same_piece_is_cut_out_of_both():
    image = torch.arange(64).view(1, 1, 8, 8).expand(2, 3, 8, 8)
    cut = piece(image, 5, torch.Generator().manual_seed(0))
    assert cut.shape == (2, 3, 5, 5)
    assert torch.equal(cut[0], cut[1])
    assert torch.equal(piece(image, 8, torch.Generator()), image)
