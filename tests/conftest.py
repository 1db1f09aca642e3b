"""Small things that tests share: pictures of 64 pixels, a tiny random encoder, the folder beside the repository."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

from impasto.cli import run
from impasto.media.image import save_image
from impasto.see.encoder import ChainEncoder
from impasto.see.weights import save_encoder

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


class Desk:
    """A folder with a photograph, a painting and a tiny encoder, and the command line run in it."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capfd = folder, capfd
        self.photo, self.style, self.encoder = (
            folder / name for name in ("photo.png", "style.png", "tiny.safetensors")
        )
        self.out = folder / "out.png"

    def run(self, *words: object) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of ``impasto *words``."""
        self.capfd.readouterr()
        code = run([str(word) for word in words])
        return (code, *self.capfd.readouterr())

    def image(self, *words: object, out: Path | None = None) -> tuple[int, str, str]:
        """``impasto image`` of the photograph and the painting in two small steps, unless ``words`` say otherwise."""
        small = ("-o", out or self.out, "--encoder", self.encoder, "--size", 64, "--steps", 2)
        return self.run("image", self.photo, self.style, *small, *words)

    def refused(self, *words: object) -> str:
        """The one line with which ``impasto *words`` is refused; nothing in the folder may change by it."""
        before = self.files()
        code, out, err = self.run(*words)
        assert (code, out) == (2, ""), err
        assert err.startswith("error: "), err
        assert err.count("\n") == 1, err
        assert self.files() == before
        return err.strip()

    def files(self) -> dict[str, bytes]:
        """All that lies in the folder."""
        found = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}


@pytest.fixture
def desk(
    tmp_path: Path,
    tiny: ChainEncoder,
    content: torch.Tensor,
    style: torch.Tensor,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    torch.set_num_threads(1)
    desk = Desk(tmp_path / "desk", capfd)
    desk.folder.mkdir()
    save_image(content, desk.photo)
    save_image(style, desk.style)
    save_encoder(desk.encoder, tiny)
    monkeypatch.chdir(desk.folder)
    return desk


os.environ.setdefault("COLUMNS", "100")
# Started in the background of a shell, pytest inherits an ignored SIGINT, and so would the programs that it interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
