"""Downloads that break, lie or find the disk full, from a server on this machine."""

import contextlib
import errno
import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chainrule.data import download
from chainrule.errors import ChainruleError, DataError

CONTENT = bytes(range(256)) * 3000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
RANGES, NO_RANGES = True, False


class Server:
    """Sends a file; `breaks` says after how many bytes each answer ends, in turn."""

    def __init__(self, content: bytes = CONTENT, ranges: bool = RANGES, breaks=()) -> None:
        self.content = content
        self.ranges = ranges
        self.breaks = list(breaks)
        self.asked: list[str | None] = []
        self.code: int | None = None
        self.chunked = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *args) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.home = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if self.chunked:
            return self.break_in_a_chunk(request)
        wanted = request.headers["Range"]
        self.asked.append(wanted)
        start = int(wanted[6:-1]) if wanted and self.ranges else 0
        part = self.content[start:]
        beyond = wanted and self.ranges and not part
        request.send_response(self.code or (416 if beyond else 206 if start else 200))
        request.send_header("Content-Length", str(len(part)))
        request.end_headers()
        end = self.breaks.pop(0) if self.breaks else len(part)
        with contextlib.suppress(ConnectionError):  # who asked may have left
            request.wfile.write(part[:end])

    def break_in_a_chunk(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.headers["Range"])
        request.protocol_version = "HTTP/1.1"
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        request.wfile.write(b"ff\r\nonly a part")
        request.close_connection = True


@pytest.fixture
def serve(monkeypatch):
    servers = []
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def start(*args, **options) -> Server:
        servers.append(Server(*args, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.http.shutdown()
        server.http.server_close()


def fetch(folder: Path, *servers: Server) -> Path:
    return download.fetch("a.bin", [s.home for s in servers], SHA256, folder)


def test_a_file_arrives_whole(serve, tmp_path):
    assert fetch(tmp_path / "new", serve()).read_bytes() == CONTENT
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.bin"]


def test_a_broken_connection_goes_on_where_it_broke(serve, tmp_path):
    server = serve(breaks=[1000, 200_000])
    assert fetch(tmp_path, server).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000-", "bytes=201000-"]


def test_what_came_stays_for_the_next_attempt(serve, tmp_path):
    server = serve(breaks=[5000, 0])
    with pytest.raises(DataError, match=r"CR709.*a\.bin.*broke after 0 of"):
        fetch(tmp_path, server)
    assert (tmp_path / "a.bin.part").read_bytes() == CONTENT[:5000]
    assert fetch(tmp_path, server).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=5000-"


def test_another_home_goes_on_with_what_the_first_sent(serve, tmp_path):
    first, second = serve(breaks=[7000, 0]), serve()
    assert fetch(tmp_path, first, second).read_bytes() == CONTENT
    assert second.asked == ["bytes=7000-"]


def test_a_server_that_ignores_ranges_sends_all_again(serve, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:4000])
    server = serve(ranges=NO_RANGES)
    assert fetch(tmp_path, server).read_bytes() == CONTENT
    assert server.asked == ["bytes=4000-"]


def test_a_part_that_is_whole_already_is_only_checked(serve, tmp_path):
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    server = serve()
    assert fetch(tmp_path, server).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("part", [b"x" * 4000, CONTENT + b"more"], ids=["other", "too long"])
def test_a_part_of_another_file_is_thrown_away(serve, tmp_path, part):
    (tmp_path / "a.bin.part").write_bytes(part)
    server = serve()
    assert fetch(tmp_path, server).read_bytes() == CONTENT
    assert server.asked[-1] is None


def test_a_wrong_file_is_not_kept_and_the_next_home_is_asked(serve, tmp_path):
    liar, honest = serve(b"another file"), serve()
    assert fetch(tmp_path, liar, honest).read_bytes() == CONTENT
    with pytest.raises(DataError, match=rf"CR711.*{liar.home}a.bin.*should be {SHA256}"):
        fetch(tmp_path / "again", liar)
    assert not list((tmp_path / "again").iterdir())


@pytest.mark.parametrize("code", [404, 500, 416])
def test_an_error_of_the_server(serve, tmp_path, code):
    server = serve()
    server.code = code
    with pytest.raises(DataError, match=r"CR709.*cannot fetch a\.bin.*put the file into"):
        fetch(tmp_path, server)


def test_nobody_there(tmp_path):
    with pytest.raises(DataError, match=r"CR709.*refused.*put the file into") as caught:
        download.fetch("a.bin", ["http://127.0.0.1:9/"], SHA256, tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_full_disk_keeps_what_was_written(serve, tmp_path, monkeypatch):
    write, written = download._write, []

    def until_full(file, block, path):
        if written:
            raise download._unwritable(path, OSError(errno.ENOSPC, "No space left on device"))
        written.append(block)
        write(file, block, path)

    monkeypatch.setattr(download, "_write", until_full)
    with pytest.raises(ChainruleError, match=r"CR803.*No space left.*stays there"):
        fetch(tmp_path, serve())
    kept = (tmp_path / "a.bin.part").read_bytes()
    assert kept and kept == CONTENT[: len(kept)]
    monkeypatch.setattr(download, "_write", write)
    assert fetch(tmp_path, serve()).read_bytes() == CONTENT


def test_a_connection_that_breaks_inside_a_chunk(serve, tmp_path):
    server = serve()
    server.chunked = True
    with pytest.raises(DataError, match=r"CR709.*connection broke .IncompleteRead"):
        fetch(tmp_path, server)


def test_a_server_that_speaks_something_else(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=greet, args=(listening,), daemon=True)
        thread.start()
        home = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with pytest.raises(DataError, match=r"CR709.*no answer in HTTP"):
            download.fetch("a.bin", [home], SHA256, tmp_path)
        thread.join()


def greet(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"220 welcome to FTP\r\n")


class FullFile:
    """A file on a disk without space."""

    def write(self, block: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_write_that_fails_is_an_error_of_the_disk(tmp_path):
    with pytest.raises(ChainruleError, match=r"CR803.*No space left"):
        download._write(FullFile(), b"x", tmp_path / "a")


def test_a_part_that_cannot_be_opened(serve, tmp_path):
    (tmp_path / "a.bin.part").mkdir()
    with pytest.raises(ChainruleError, match=r"CR803.*a\.bin\.part"):
        download._opened(tmp_path / "a.bin.part", "wb")
