"""The server: what it takes, from whom, and what it survives."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from program import command
from raters import attentive, document
from typer.testing import Result

from benchmarks.api.errors import UsageError
from reports.study.collection import FILE, Collection
from reports.study.server import StudyServer
from reports.study.study import PACKET, Study, read_study

LIKES = {"first": 2.0, "second": 0.0, "third": -1.0}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Served:
    """A study at a port."""

    study: Study
    collection: Collection
    port: int


@pytest.fixture
def server(built: Path) -> Iterator[Served]:
    study = read_study(built)
    answers = Collection(study, built / FILE)
    serving = StudyServer(study, built / PACKET, answers, ("127.0.0.1", 0))
    thread = Thread(target=serving.run)
    thread.start()
    yield Served(study, answers, serving.port)
    serving.stop()
    thread.join()


def ask(
    server: Served | int,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, Any]:
    """Return status and content."""
    port = server if isinstance(server, int) else server.port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    text = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path, text, headers or (JSON if body is not None else {}))
        reply = connection.getresponse()
        content = reply.read()
    finally:
        connection.close()
    is_json = reply.headers.get_content_type() == "application/json"
    return reply.status, json.loads(content) if is_json and content else content


def registered(server: Served | int, study: Study, session: str) -> dict[str, Any]:
    """Register, and return the whole document of that rater."""
    status, reply = ask(server, "POST", "/raters", {"study": study.id, "session": session})
    assert status == 200
    return document(study, reply["rater"], attentive(LIKES, 1), session=session)


def part(whole: dict[str, Any], n: int) -> dict[str, Any]:
    return whole | {"answers": whole["answers"][:n], "code": "", "finished": ""}


def test_it_serves_the_packet_and_nothing_else(server: Served, built: Path) -> None:
    assert ask(server, "GET", "/") == (200, (built / PACKET / "index.html").read_bytes())
    stimulus = next((built / PACKET / "stimuli").iterdir())
    assert ask(server, "GET", f"/stimuli/{stimulus.name}") == (200, stimulus.read_bytes())
    ask(server, "POST", "/raters", {"study": server.study.id, "session": "a" * 32})
    for path in (
        "/key.json", "/../key.json", "/stimuli/../../key.json", "/%2e%2e/key.json", "/answers",
        "/answers.sqlite", "/raters", "/stimuli/", "//etc/passwd", "/stimuli/%00",
    ):  # fmt: skip
        assert ask(server, "GET", path)[0] == 404, path


def test_every_session_gets_a_rater_of_its_own_and_keeps_it(server: Served) -> None:
    found = [registered(server, server.study, f"{n:032x}")["rater"] for n in range(8)]
    assert sorted(found) == [f"r{n:03}" for n in range(1, 9)]
    assert registered(server, server.study, f"{3:032x}")["rater"] == found[3]


def test_answers_arrive_bit_by_bit_and_cannot_be_changed(server: Served) -> None:
    whole = registered(server, server.study, "a" * 32)
    assert ask(server, "POST", "/answers", part(whole, 2)) == (200, {"answers": 2})
    assert ask(server, "POST", "/answers", part(whole, 5)) == (200, {"answers": 5})
    assert ask(server, "POST", "/answers", part(whole, 1)) == (200, {"answers": 5})
    changed = json.loads(json.dumps(whole))
    changed["answers"][0]["ms"] += 1
    assert ask(server, "POST", "/answers", changed)[0] == 409
    assert ask(server, "POST", "/answers", whole) == (200, {"answers": 8})
    ((_, kept),) = server.collection.documents()
    assert json.loads(kept) == whole


def test_nobody_writes_for_somebody_else(server: Served) -> None:
    whole = registered(server, server.study, "a" * 32)
    assert ask(server, "POST", "/answers", whole | {"session": "b" * 32})[0] == 422
    other = document(server.study, "r005", attentive(LIKES, 1), session="a" * 32)
    assert whole["rater"] != "r005"
    assert ask(server, "POST", "/answers", other)[0] == 422
    assert list(server.collection.documents()) == []


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", JSON | {"Origin": "http://evil.example"}, 403),
        (b"{}", JSON | {"Host": "evil.example"}, 403),
        (b"{}", JSON | {"Origin": "null"}, 403),
        (b"x" * 200_000, JSON, 413),
        (b"", JSON | {"Content-Length": "-1"}, 400),
        (b"", JSON | {"Content-Length": "9" * 30}, 400),
        (b"", JSON | {"Content-Length": "9" * 20}, 413),
        (b"{}", JSON | {"Transfer-Encoding": "chunked"}, 411),
        (b"\xff", JSON, 400),
        (b"{", JSON, 422),
        (b"[" * 3000, JSON, 422),
        (b"[]", JSON, 422),
    ],
)
def test_what_is_wrong_is_refused(
    server: Served, body: bytes, headers: dict[str, str], status: int
) -> None:
    for path in ("/raters", "/answers"):
        assert ask(server, "POST", path, body, headers)[0] == status


def test_a_marked_answer_is_refused_at_once(server: Served) -> None:
    whole = registered(server, server.study, "a" * 32)
    whole["answers"][0]["chosen"] = "0" * 20
    status, reply = ask(server, "POST", "/answers", whole)
    assert (status, reply) == (422, {"error": "unknown stimulus"})


def test_pages_cannot_be_framed_and_tell_nothing(server: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/")
    reply = connection.getresponse()
    reply.read()
    connection.close()
    assert reply.headers["X-Frame-Options"] == "DENY"
    assert reply.headers["Server"] == "mfsr-bench"
    assert reply.headers["Cache-Control"] == "no-store"


def start(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """Start the real program, and return it with its port."""
    process = subprocess.Popen(
        command("study", "serve", folder, "--port", "0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    return process, int(address.rstrip("/").rpartition(":")[2])


def listening_on(pid: int) -> set[str]:
    import psutil

    found = psutil.Process(pid).net_connections(kind="inet")
    return {one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN}


def test_what_was_acknowledged_survives_kill_9(built: Path) -> None:
    study = read_study(built)
    process, port = start(built)
    try:
        assert listening_on(process.pid) == {"127.0.0.1"}
        whole = registered(port, study, "a" * 32)
        assert ask(port, "POST", "/answers", part(whole, 5)) == (200, {"answers": 5})
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    process, port = start(built)
    try:
        assert registered(port, study, "a" * 32)["rater"] == whole["rater"]
        assert ask(port, "POST", "/answers", whole) == (200, {"answers": 8})
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode in (0, -signal.SIGTERM)  # the server may end as it was told to
    ((_, kept),) = Collection(study, built / FILE).documents()
    assert json.loads(kept) == whole


def test_raters_at_the_same_time_do_not_disturb_each_other(server: Served) -> None:
    def one(n: int) -> dict[str, Any]:
        whole = registered(server, server.study, f"{n:032x}")
        for count in range(1, 9):
            assert ask(server, "POST", "/answers", part(whole, count))[0] == 200
        assert ask(server, "POST", "/answers", whole)[0] == 200
        return whole

    with ThreadPoolExecutor(8) as executor:
        sent = list(executor.map(one, range(16)))
    kept = {session: json.loads(text) for session, text in server.collection.documents()}
    assert kept == {one["session"]: one for one in sent}
    assert server.collection.counts() == (16, 16)


def test_thirty_raters_at_one_instant_are_all_answered(server: Served) -> None:
    begin = Barrier(30)

    def one(n: int) -> int:
        begin.wait()
        whole = registered(server, server.study, f"{n:032x}")
        assert ask(server, "GET", "/")[0] == 200
        return ask(server, "POST", "/answers", whole)[0]

    with ThreadPoolExecutor(30) as executor:
        assert set(executor.map(one, range(30))) == {200}
    assert server.collection.counts() == (30, 30)


def connected(server: Served, sent: bytes) -> socket.socket:
    """Return a connection on which something was sent."""
    found = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    found.sendall(sent)
    return found


POST = b"POST /answers HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
HALVES = {
    "nothing": b"",
    "half a head": b"GET / HT",
    "half a body": POST + b"Content-Length: 900\r\n\r\n{",
}


@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES)
def test_who_hangs_up_leaves_no_traceback(
    server: Served, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    for abruptly in (False, True):
        connection = connected(server, sent)
        if abruptly:  # a reset, where close() alone says good-bye
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.close()
    for _ in range(5):  # a page that is asked for and never read
        gone = connected(server, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()
    assert ask(server, "GET", "/")[0] == 200
    assert not [record for record in caplog.records if record.exc_info]
    assert "Traceback" not in caplog.text


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits for a third of a second."""
    monkeypatch.setattr("reports.study.patience.PATIENCE_S", 0.3)


@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES)
@pytest.mark.usefixtures("impatient")
def test_who_sends_nothing_more_is_not_waited_for(server: Served, sent: bytes) -> None:
    with connected(server, sent) as connection, suppress(ConnectionResetError):
        assert connection.recv(100) == b""


@pytest.mark.usefixtures("impatient")
def test_who_sends_drop_by_drop_is_not_waited_for(server: Served) -> None:
    refused = pytest.raises((BrokenPipeError, ConnectionResetError))
    with connected(server, POST + b"Content-Length: 900\r\n\r\n") as connection, refused:
        for _ in range(200):
            connection.sendall(b" ")
            time.sleep(0.02)


@pytest.mark.usefixtures("impatient")
def test_who_reads_nothing_is_not_waited_for(server: Served, built: Path) -> None:
    name = next((built / PACKET / "stimuli").iterdir()).name
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", server.port))
    asked = f"GET /stimuli/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    with pytest.raises((BrokenPipeError, ConnectionResetError, TimeoutError)):
        for _ in range(3000):
            connection.sendall(asked)
            time.sleep(0.002)
    connection.close()
    assert ask(server, "GET", "/")[0] == 200


def test_more_connections_than_anybody_needs_are_refused(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.study.patience._CONNECTIONS", 3)
    kept = [connected(server, b"") for _ in range(3)]
    with suppress(ConnectionResetError), connected(server, b"GET") as extra:
        assert extra.recv(100) == b""
    for one in kept:
        one.close()


def test_a_server_with_idle_and_slow_connections_ends(built: Path) -> None:
    process, port = start(built)
    with connected(Served(read_study(built), None, port), HALVES["half a body"]):  # type: ignore[arg-type]
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode in (0, -signal.SIGTERM)  # the server may end as it was told to


def test_what_is_not_installed_is_named(
    built: Path, study_command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "reports.study.server")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(UsageError, match=r"uvicorn, which is not installed[^$]*\[study\]"):
        study_command("serve", built)
