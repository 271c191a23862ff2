import gc
import hashlib
import io
import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cardiorisk.datasets._storage import RemoteArchive, find_or_download
from cardiorisk.exceptions import DataNotFoundError, ReadError

FILES = {"table.csv": b"id\n1\n", "data/1.dat": b"\x00\x01", "data/2.dat": b"\x02\x03"}


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def no_other_copies(monkeypatch, tmp_path):
    monkeypatch.delenv("CARDIORISK_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _checksum_lines(files):
    return [f"{hashlib.sha256(content).hexdigest()} {name}" for name, content in files.items()]


def _publish(folder, files=FILES, listed=FILES):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in files.items():
            file.writestr(f"published-1.0/{name}", content)
        if listed is not None:
            lines = "\n".join(_checksum_lines(listed)) + "\n"
            file.writestr("published-1.0/SHA256SUMS.txt", lines)
    (folder / "set.zip").write_bytes(buffer.getvalue())


def _archive(url):
    pinned = {name: content for name, content in FILES.items() if name != "data/2.dat"}
    digest = hashlib.sha256("\n".join(sorted(_checksum_lines(pinned))).encode()).hexdigest()
    return RemoteArchive(
        name="set",
        url=f"{url}/set.zip",
        marker="table.csv",
        pinned=lambda name: name in pinned,
        pinned_sha256=digest,
    )


def test_downloads_checks_and_then_needs_no_network(served, tmp_path):
    folder, url = served
    _publish(folder)
    home = tmp_path / "home"
    path = find_or_download(_archive(url), home)
    assert path == home / "set"
    assert {str(p.relative_to(path)) for p in path.rglob("*.*")} == {*FILES, "SHA256SUMS.txt"}
    assert [p.name for p in home.iterdir()] == ["set"], "no scratch files may stay behind"
    (folder / "set.zip").unlink()
    assert find_or_download(_archive(url), home) == path


@pytest.mark.parametrize("changed", list(FILES))
def test_a_damaged_file_is_refused_and_nothing_is_left(served, tmp_path, changed):
    folder, url = served
    _publish(folder, FILES | {changed: b"damaged"})
    with pytest.raises(ReadError, match=f"0 missing and 1 changed of 3 files, first '{changed}'"):
        find_or_download(_archive(url), tmp_path / "home")
    assert list((tmp_path / "home").iterdir()) == []


def test_a_lost_file_is_refused(served, tmp_path):
    folder, url = served
    _publish(folder, {name: FILES[name] for name in ("table.csv", "data/1.dat")})
    with pytest.raises(ReadError, match=r"1 missing and 0 changed.*data/2\.dat"):
        find_or_download(_archive(url), tmp_path / "home")


def test_a_forged_list_of_checksums_is_refused(served, tmp_path):
    folder, url = served
    forged = FILES | {"data/1.dat": b"forged"}
    _publish(folder, forged, listed=forged)
    with pytest.raises(ReadError, match="not the published version"):
        find_or_download(_archive(url), tmp_path / "home")


@pytest.mark.parametrize("listed", [None, {}])
def test_a_missing_or_empty_list_of_checksums_is_refused(served, tmp_path, listed):
    folder, url = served
    _publish(folder, listed=listed)
    with pytest.raises(ReadError, match=r"no SHA256SUMS|not the published version"):
        find_or_download(_archive(url), tmp_path / "home")


def test_something_else_than_a_zip_is_refused(served, tmp_path):
    folder, url = served
    (folder / "set.zip").write_text("<html>maintenance</html>")
    with pytest.raises(ReadError, match="expected a zip file"):
        find_or_download(_archive(url), tmp_path / "home")


def test_an_archive_without_the_data_set_is_refused(served, tmp_path):
    folder, url = served
    _publish(folder, {"readme.txt": b"moved"})
    with pytest.raises(ReadError, match=r"Got 0 table\.csv"):
        find_or_download(_archive(url), tmp_path / "home")


def test_an_incomplete_copy_is_never_overwritten(served, tmp_path):
    folder, url = served
    _publish(folder)
    (tmp_path / "home" / "set").mkdir(parents=True)
    with pytest.raises(ReadError, match=r"without table\.csv"):
        find_or_download(_archive(url), tmp_path / "home")


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_offline_says_where_it_looked(served, tmp_path, monkeypatch):
    _, url = served  # serves nothing: 404
    monkeypatch.setenv("CARDIORISK_DATA", str(tmp_path / "mine"))
    with pytest.raises(DataNotFoundError) as caught:
        find_or_download(_archive(url))
    text = str(caught.value)
    for needed in (str(tmp_path / "mine"), str(tmp_path / "cache"), url, "Set CARDIORISK_DATA"):
        assert needed in text
    del caught
    gc.collect()  # pooch leaves the connection of a failed request to the garbage collector
    refused = replace(_archive(url), url="http://127.0.0.1:9/set.zip")
    with pytest.raises(DataNotFoundError, match="could not download"):
        find_or_download(refused)


def test_no_download_unless_wanted(served, tmp_path):
    folder, url = served
    _publish(folder)
    with pytest.raises(DataNotFoundError, match="looked for"):
        find_or_download(_archive(url), tmp_path / "home", download_if_missing=False)
    assert not (tmp_path / "home").exists()


def test_order_of_folders(tmp_path, monkeypatch):
    places = {"home": tmp_path / "home", "env": tmp_path / "env"}
    for place in places.values():
        (place / "set").mkdir(parents=True)
        (place / "set" / "table.csv").touch()
    monkeypatch.setenv("CARDIORISK_DATA", str(places["env"]))
    archive = _archive("http://127.0.0.1:9")
    assert find_or_download(archive) == places["env"] / "set"
    assert find_or_download(archive, places["home"]) == places["home"] / "set"
    (places["home"] / "set" / "table.csv").unlink()
    assert find_or_download(archive, places["home"]) == places["env"] / "set"
