"""``impasto models``: listing, fetching over a broken line, importing, removing. Nothing leaves this machine."""

import hashlib
import json
import re
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from click.testing import CliRunner

from impasto.cli.models import models
from impasto.errors import ImpastoError, InputError, WeightsError
from impasto.see import known as registry
from impasto.see import vgg
from impasto.see.fetch import fetch, part_file


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    monkeypatch.setattr(vgg, "VGG19_BLOCKS", ((4, 4), (6, 6)))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run():
    def call(*arguments):
        result = CliRunner().invoke(models, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return call


def refused(run, *arguments):
    with pytest.raises(ImpastoError) as caught:
        run(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def weights(tmp_path):
    """A small file in VGG-19's form, classifier and all."""
    shapes = {0: (4, 3), 2: (4, 4), 5: (6, 4), 7: (6, 6)}
    state = {f"features.{i}.weight": torch.randn(*shape, 3, 3) * 0.2 for i, shape in shapes.items()}
    state |= {f"features.{i}.bias": torch.randn(shape[0]) for i, shape in shapes.items()}
    torch.save({**state, "classifier.0.weight": torch.rand(300, 300)}, tmp_path / "source.pth")
    return tmp_path / "source.pth"


class Server:
    """A web server with one file, that can lose the connection, know no Range, or answer something else."""

    def __init__(self, data):
        self.data, self.cut, self.ranges, self.status = data, None, True, 200
        self.asked, self.sends_length = [], True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/vgg19.pth"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, handler):
        wanted = handler.headers.get("Range")
        self.asked.append(wanted)
        start = int(re.match(r"bytes=(\d+)-", wanted)[1]) if wanted and self.ranges else 0
        if self.status != 200:
            handler.send_error(self.status)
            return
        if start >= len(self.data) > 0:
            handler.send_error(416)
            return
        body = self.data[start:]
        handler.send_response(206 if start else 200)
        if self.sends_length:
            handler.send_header("Content-Length", str(len(body)))
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.data) - 1}/{len(self.data)}")
        handler.end_headers()
        handler.wfile.write(body if self.cut is None else body[: self.cut])


@pytest.fixture
def server(weights):
    server = Server(weights.read_bytes())
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def item(server, monkeypatch):
    """``vgg19`` as the server has it."""
    digest = hashlib.sha256(server.data).hexdigest()
    item = replace(registry.known("vgg19"), url=server.url, sha256=digest, size=len(server.data))
    monkeypatch.setattr(registry, "KNOWN", (item, registry.known("vgg19-caffe")))
    return item


def test_fetch_brings_the_published_file(item, server, home):
    steps = list(fetch(item, home))
    assert (home / item.file).read_bytes() == server.data
    assert steps[0].done == 0
    assert steps[-1].done == steps[-1].total == len(server.data)
    assert not part_file(item, home).exists()


def test_a_cut_transfer_goes_on_where_it_ended(item, server, home):
    server.cut = 100_000
    with pytest.raises(WeightsError, match=r"ended at 100,000 of .* the same command goes on"):
        list(fetch(item, home))
    server.cut = None
    steps = list(fetch(item, home))
    assert steps[0].resumed == steps[0].done == 100_000
    assert server.asked == [None, "bytes=100000-"]
    assert (home / item.file).read_bytes() == server.data


def test_stopping_to_pull_keeps_what_has_come(item, home):
    transfer = fetch(item, home)
    next(transfer), next(transfer)
    transfer.close()
    kept = part_file(item, home).stat().st_size
    assert kept > 0
    assert not (home / item.file).exists()
    assert next(fetch(item, home)).done == kept


def test_a_server_without_ranges_begins_again(item, server, home):
    home.mkdir()
    part_file(item, home).write_bytes(b"x" * 5000)
    server.ranges = False
    assert next(iter(fetch(item, home))).resumed == 0
    list(fetch(item, home))
    assert (home / item.file).read_bytes() == server.data


def test_a_part_that_is_too_long_begins_again(item, server, home):
    home.mkdir()
    part_file(item, home).write_bytes(server.data + b"more")
    list(fetch(item, home))
    assert (home / item.file).read_bytes() == server.data


def test_a_whole_part_needs_no_server(item, server, home):
    home.mkdir()
    part_file(item, home).write_bytes(server.data)
    assert list(fetch(item, home)) == []
    assert server.asked == []
    assert (home / item.file).exists()


def test_a_wrong_checksum_is_thrown_away_and_nothing_else(item, server, home):
    home.mkdir()
    (home / item.file).write_bytes(b"from before")
    server.data = b"<" + server.data[1:]
    with pytest.raises(WeightsError, match="is a web page: it was thrown away"):
        list(fetch(item, home))
    server.data = b"?" + server.data[1:]
    with pytest.raises(WeightsError, match=r"has checksum \w+…, expected \w+…: it was thrown away"):
        list(fetch(item, home))
    assert [file.name for file in home.iterdir()] == [item.file]
    assert (home / item.file).read_bytes() == b"from before"


def test_a_file_of_another_size_is_not_even_begun(item, server, home):
    server.data += b"more"
    with pytest.raises(WeightsError, match="not the file meant"):
        list(fetch(item, home))


def test_a_published_prefix_and_no_size_are_enough(item, server, home):
    server.sends_length = False
    short = replace(item, sha256=item.sha256[:8], size=None)
    assert [step.total for step in fetch(short, home)][-1] is None
    assert (home / item.file).read_bytes() == server.data


def test_without_a_network_there_is_another_way(item, server, home):
    server.status = 404
    with pytest.raises(
        WeightsError, match=r"answers 404 .* download .* then run: impasto models import FILE --as vgg19"
    ):
        list(fetch(item, home))
    with pytest.raises(WeightsError, match=r"cannot reach 127\.0\.0\.1:9 .* impasto models import"):
        list(fetch(item, home, url="http://127.0.0.1:9/vgg19.pth"))
    with pytest.raises(InputError, match="expected an address"):
        list(fetch(item, home, url="file:///etc/passwd"))
    assert list(home.iterdir()) == []


def test_a_silent_server_times_out(item, home):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/f"
        with pytest.raises(WeightsError, match="timed out"):
            list(fetch(item, home, url=url, timeout=0.2))


def test_a_home_that_cannot_be_written_is_said(item, home, run, weights):
    home.write_text("a file, not a folder")
    with pytest.raises(WeightsError, match=r"cannot write in .* set IMPASTO_HOME"):
        list(fetch(item, home))
    assert "cannot write" in refused(run, "import", weights, "--as", "vgg19")


def test_the_list_tells_what_there_is(run, home, weights):
    listing = json.loads(run("--json"))
    assert listing["home"] == str(home)
    assert [row["name"] for row in listing["models"]] == ["builtin", "vgg19", "vgg19-caffe"]
    assert not listing["models"][1]["installed"]
    assert listing["auto"]["name"] == "builtin"
    run("import", weights, "--as", "vgg19-caffe")
    row = json.loads(run("--json"))["models"][2]
    assert row["installed"]
    assert row["size"] == (home / "vgg19-caffe.safetensors").stat().st_size
    table = run()
    assert "CC BY 4.0" in table
    assert "auto: vgg19-caffe" in table


def test_fetch_installs_the_convolutions_alone(run, item, home):
    output = run("fetch", "vgg19")
    assert "vgg19.safetensors" in output
    assert [file.name for file in home.iterdir()] == ["vgg19.safetensors"]
    assert "installed already" in run("fetch", "vgg19")
    assert "nothing to fetch" in run("fetch", "builtin")


def test_fetch_takes_a_mirror(run, item, server, monkeypatch):
    elsewhere = replace(item, url="http://127.0.0.1:9/vgg19.pth")
    monkeypatch.setattr(registry, "KNOWN", (elsewhere,))
    assert "127.0.0.1:9" in refused(run, "fetch", "vgg19")
    run("fetch", "vgg19", "--url", server.url)
    assert run("path", "vgg19").strip().endswith("vgg19.safetensors")


def test_a_finished_import_can_be_removed(run, home, weights):
    output = run("import", weights, "--as", "vgg19")
    assert str(home / "vgg19.safetensors") in output
    assert "kB" in output
    assert run("path", "vgg19").strip() == str(home / "vgg19.safetensors")
    assert run("path").strip() == str(home)
    part_file(registry.known("vgg19"), home).write_bytes(b"half")
    run("remove", "vgg19")
    assert list(home.iterdir()) == []
    assert "not installed" in refused(run, "remove", "vgg19")
    assert "not installed" in refused(run, "path", "vgg19")
    assert "stays" in refused(run, "remove", "builtin")


def test_what_cannot_be_imported_is_one_line(run, home, tmp_path, weights):
    (tmp_path / "page.pth").write_text("<html>log in first</html>")
    assert "web page" in refused(run, "import", tmp_path / "page.pth", "--as", "vgg19")
    (tmp_path / "cut.pth").write_bytes(weights.read_bytes()[:2000])
    assert "cut short" in refused(run, "import", tmp_path / "cut.pth", "--as", "vgg19")
    torch.save({"fc.weight": torch.ones(2)}, tmp_path / "other.pth")
    assert "lacks features.0.weight" in refused(run, "import", tmp_path / "other.pth", "--as", "vgg19")
    assert "no such file" in refused(run, "import", tmp_path / "none.pth", "--as", "vgg19")
    assert "did you mean 'vgg19'" in refused(run, "import", weights, "--as", "vgg91")
    assert not home.exists()


def test_weights_of_the_other_form_need_force(run, home, tmp_path, weights):
    state = torch.load(weights)
    state["features.0.weight"] *= 60  # as Oxford's weights, rewritten for standardised pixels
    torch.save(state, tmp_path / "scaled.pth")
    assert "looks like vgg19, not vgg19-caffe" in refused(run, "import", tmp_path / "scaled.pth", "--as", "vgg19-caffe")
    run("import", tmp_path / "scaled.pth", "--as", "vgg19-caffe", "--force")
    from impasto.see.load import load_encoder

    assert load_encoder("vgg19-caffe").name == "vgg19-caffe"


def test_the_list_needs_no_torch():
    code = (
        "import sys; from click.testing import CliRunner; from impasto.cli.models import models; "
        "r = CliRunner().invoke(models, ['--json']); assert r.exit_code == 0, r.output; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
