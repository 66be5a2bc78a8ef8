"""The server: what it takes, from whom, and what it survives."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from program import command
from raters import attentive, document

from reports.study.collection import FILE, Collection
from reports.study.server import StudyServer
from reports.study.study import PACKET, Study, read_study

LIKES = {"first": 2.0, "second": 0.0, "third": -1.0}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def server(built: Path) -> Iterator[StudyServer]:
    study = read_study(built)
    serving = StudyServer(study, built / PACKET, Collection(study, built / FILE), ("127.0.0.1", 0))
    thread = Thread(target=serving.serve_forever)
    thread.start()
    yield serving
    serving.shutdown()
    serving.server_close()
    thread.join()


def ask(
    server: StudyServer | int,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, Any]:
    """Return status and content."""
    port = server if isinstance(server, int) else server.server_port
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


def registered(server: StudyServer | int, study: Study, session: str) -> dict[str, Any]:
    """Register, and return the whole document of that rater."""
    status, reply = ask(server, "POST", "/raters", {"study": study.id, "session": session})
    assert status == 200
    return document(study, reply["rater"], attentive(LIKES, 1), session=session)


def part(whole: dict[str, Any], n: int) -> dict[str, Any]:
    return whole | {"answers": whole["answers"][:n], "code": "", "finished": ""}


def test_it_serves_the_packet_and_nothing_else(server: StudyServer, built: Path) -> None:
    assert ask(server, "GET", "/") == (200, (built / PACKET / "index.html").read_bytes())
    stimulus = next((built / PACKET / "stimuli").iterdir())
    assert ask(server, "GET", f"/stimuli/{stimulus.name}") == (200, stimulus.read_bytes())
    ask(server, "POST", "/raters", {"study": server.study.id, "session": "a" * 32})
    for path in (
        "/key.json", "/../key.json", "/stimuli/../../key.json", "/%2e%2e/key.json", "/answers",
        "/answers.sqlite", "/raters", "/stimuli/", "//etc/passwd", "/stimuli/%00",
    ):  # fmt: skip
        assert ask(server, "GET", path)[0] == 404, path


def test_every_session_gets_a_rater_of_its_own_and_keeps_it(server: StudyServer) -> None:
    found = [registered(server, server.study, f"{n:032x}")["rater"] for n in range(8)]
    assert sorted(found) == [f"r{n:03}" for n in range(1, 9)]
    assert registered(server, server.study, f"{3:032x}")["rater"] == found[3]


def test_answers_arrive_bit_by_bit_and_cannot_be_changed(server: StudyServer) -> None:
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


def test_nobody_writes_for_somebody_else(server: StudyServer) -> None:
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
        (b"", JSON | {"Content-Length": "-1"}, 411),
        (b"", JSON | {"Content-Length": "9" * 30}, 413),
        (b"\xff", JSON, 400),
        (b"{", JSON, 422),
        (b"[" * 3000, JSON, 422),
        (b"[]", JSON, 422),
    ],
)
def test_what_is_wrong_is_refused(
    server: StudyServer, body: bytes, headers: dict[str, str], status: int
) -> None:
    for path in ("/raters", "/answers"):
        assert ask(server, "POST", path, body, headers)[0] == status


def test_a_marked_answer_is_refused_at_once(server: StudyServer) -> None:
    whole = registered(server, server.study, "a" * 32)
    whole["answers"][0]["chosen"] = "0" * 20
    status, reply = ask(server, "POST", "/answers", whole)
    assert (status, reply) == (422, {"error": "unknown stimulus"})


def test_pages_cannot_be_framed_and_tell_nothing(server: StudyServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
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
    assert process.returncode == 0
    ((_, kept),) = Collection(study, built / FILE).documents()
    assert json.loads(kept) == whole


def test_raters_at_the_same_time_do_not_disturb_each_other(server: StudyServer) -> None:
    from concurrent.futures import ThreadPoolExecutor

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
