"""The rooms of the house and who may look into which: the picture in CONTRIBUTING.md, checked."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "impasto"
LEAVES = {"errors", "runtime", "option", "recipe", "mixture", "film"}
ENGINES = LEAVES | {"media", "see", "loss", "paint"}
MAY_IMPORT = {
    "errors": set(),
    "runtime": {"errors"},
    "mixture": {"errors"},
    "option": {"errors"},
    "recipe": {"errors", "mixture", "option"},
    "film": {"errors", "option", "recipe"},
    "media": LEAVES,
    "see": LEAVES,
    "loss": LEAVES | {"see"},
    "paint": ENGINES,
    "judge": LEAVES | {"media", "see"},
    "enlarge": ENGINES | {"studio"},
    "train": ENGINES | {"enlarge", "judge"},
    "studio": ENGINES,
    "montage": ENGINES | {"studio"},
    "study": ENGINES | {"judge", "train", "studio"},
    "examine": ENGINES | {"studio"},
    "foresee": ENGINES | {"studio", "examine"},
    "reel": ENGINES | {"studio", "examine", "foresee"},
    "cli": ENGINES | {"enlarge", "judge", "montage", "train", "studio", "study", "examine", "foresee", "reel"},
}
# The command line knows studio and Painter; where it must look deeper, it is written down here.
CLI_MAY_SEE = {
    "cli.models": {"see.known", "see.fetch", "see.vgg"},  # installing weights is what it is for
}
ONLY_IN = {
    "PIL": ("media.",),
    "cv2": ("media.",),
    "pillow_heif": ("media.",),
    "av": ("media.film_",),
    "safetensors": ("see.weights",),
    "click": ("cli",),
    "rich": ("cli",),
}
PURE = (
    "see.stats",
    "see.transport",
    "see.nearest",
    "see.guide",
    "loss.",
    "paint.descend",
)  # no paths, pictures, or progress bars in the mathematics


def imports(file):
    """Every import of a file, wherever it stands, as a dotted name; those of our own as ``.room.module``."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            whole = node.module == "impasto"
            names = [f"impasto.{alias.name}" for alias in node.names] if whole else [node.module]
        yield from (name.removeprefix("impasto") if name.startswith("impasto.") else name for name in names)


MODULES = {
    ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): set(imports(file))
    for file in sorted(SOURCE.rglob("*.py"))
    if file.parent != SOURCE or not file.name.startswith("__")  # the public names come from every room
}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module):
    room = module.split(".")[0]
    ours = {name[1:] for name in MODULES[module] if name.startswith(".") and name != ".__version__"}
    allowed = MAY_IMPORT[room] | {room}
    assert {name for name in ours if name.split(".")[0] not in allowed} == set()
    if room == "cli":
        deep = {name for name in ours if name.startswith(("see.", "loss.", "paint.descend"))}
        assert deep - CLI_MAY_SEE.get(module, set()) == set()


@pytest.mark.parametrize("module", MODULES)
def test_files_bars_and_options_have_their_place(module):
    packages = {name.split(".")[0] for name in MODULES[module]}
    for package, places in ONLY_IN.items():
        assert package not in packages or module.startswith(places), f"{package} belongs to {places}"
    if module.startswith(PURE):
        assert packages & {"pathlib", "PIL", "rich", "click"} == set()


def test_help_comes_without_torch():
    code = """
import sys
from impasto.cli import cli, run
def ask(command, *words):
    assert run([*words, "--help"]) == 0, words
    for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
        ask(command.get_command(None, name), *words, name)
ask(cli)
print(sorted({"torch", "numpy", "PIL", "cv2", "skimage", "matplotlib", "av"} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "[]"
    whole = subprocess.run([sys.executable, "-m", "impasto", "--help"], capture_output=True, text=True, timeout=60)
    assert whole.returncode == 0
    assert "image" in whole.stdout
