"""Small things that tests share: pictures of 64 pixels, a tiny random encoder, the folder beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from impasto.see.encoder import ChainEncoder

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real weights and pictures beside the repository; tests of it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared with the real weights and pictures, which is not here")
    return SHARED


@pytest.fixture(scope="session")
def caffe_weights(shared: Path) -> Path:
    file = shared / "weights" / "vgg19_caffe.safetensors"
    if not file.is_file():
        pytest.skip("needs ../shared/weights/vgg19_caffe.safetensors")
    return file


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees, or touches, what the user has installed."""
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path_factory.getbasetemp() / "home"))


@pytest.fixture
def tiny() -> ChainEncoder:
    """Five narrow blocks of random weights: every layer of VGG-19's default losses, at no cost."""
    torch.manual_seed(0)
    encoder = ChainEncoder(((8,), (8, 8), (12,), (16, 16), (16,)), name="tiny")
    return encoder.eval().requires_grad_(False)


def picture(seed: int = 0, height: int = 48, width: int = 64) -> torch.Tensor:
    """Smooth colours with an edge and a grain, ``(1, 3, H, W)``: something to see at every layer."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand((1, 3, 5, 6), generator=random)
    image = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    image[:, :, :, width // 2 :] = 1 - image[:, :, :, width // 2 :]
    return (image + 0.03 * torch.randn(image.shape, generator=random)).clamp(0, 1)


@pytest.fixture
def content() -> torch.Tensor:
    return picture(1)


@pytest.fixture
def style() -> torch.Tensor:
    return picture(2, 56, 56)


os.environ.setdefault("COLUMNS", "100")
