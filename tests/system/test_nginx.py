"""The shipped nginx site by itself: a FastCGI application that echoes stands behind it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from fcgi_responder import Responder
from stack import Nginx
from stack.nginx import make_certificate
from stack.stack import LANES, RuntimeDir
from waiting import wait_until

KEY = "first-key_0123456"
LONG_KEY = "L" * 128
KEYS = f'"~^{KEY}$" first;\n"~^{LONG_KEY}$" second;\n'
AUTH = {"X-API-Key": KEY}
LIMIT = 64 * 1024

PARAMS = {"REQUEST_METHOD", "DOCUMENT_URI", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH",
          "REQUEST_ID", "API_KEY_NAME", "QUEUED_AT"}

# What nginx answers by itself: its code -> the status on the wire.
CODES = {code: code for code in (400, 401, 403, 404, 405, 411, 413, 414, 421, 429, 500, 501,
                                 502, 503, 504, 505)} | {494: 431, 495: 400, 496: 400, 497: 400}

StartNginx = Callable[..., Nginx]


@contextlib.contextmanager
def running_nginx(workdir: Path, *, lanes: tuple[str, ...] = LANES, keys: str | None = KEYS,
                  **options: object) -> Iterator[Nginx]:
    with contextlib.ExitStack() as cleanup:
        runtime = RuntimeDir(workdir)
        cleanup.callback(runtime.remove)
        temp = runtime.path / "temp"
        temp.mkdir(mode=0o711)
        sockets = {lane: runtime.path / f"{lane}.sock" for lane in LANES}
        for lane in lanes:
            cleanup.callback(Responder(sockets[lane], lane).close)
        nginx = Nginx(workdir / "nginx", temp, sockets, **options)
        if keys is not None:
            nginx.keys_file.write_text(keys)
        cleanup.callback(nginx.stop)
        nginx.start()
        yield nginx


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    returns = "".join(f"location = /returns/{code} {{ return {code}; }}\n" for code in CODES)
    with running_nginx(tmp_path_factory.mktemp("nginx"), extra=returns) as running:
        yield running


@pytest.fixture
def start_nginx(tmp_path: Path) -> Iterator[StartNginx]:
    with contextlib.ExitStack() as cleanup:
        yield lambda **options: cleanup.enter_context(running_nginx(tmp_path, **options))


def check_problem(status: int, headers: dict, body: bytes, expected: int) -> dict:
    assert status == expected, body
    problem = json.loads(body)
    assert headers["Content-Type"] == "application/problem+json"
    assert problem.keys() == {"type", "title", "status", "detail", "request_id"}
    assert problem["type"] == "about:blank"
    assert problem["status"] == expected
    assert problem["title"]
    assert problem["detail"].endswith(".") and ": " in problem["detail"]
    assert headers["X-Request-ID"] == problem["request_id"]
    assert len(problem["request_id"]) == 32
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "nginx"
    return problem


def assert_problem(response: requests.Response, expected: int) -> dict:
    return check_problem(response.status_code, response.headers, response.content, expected)


def send_raw(port: int, request: bytes) -> bytes:
    """What nginx answers to these bytes until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def assert_raw_problem(answer: bytes, expected: int) -> dict:
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    headers = requests.structures.CaseInsensitiveDict(line.split(": ", 1) for line in lines)
    return check_problem(int(status_line.split()[1]), headers, body, expected)


# Errors


@pytest.mark.parametrize("code", CODES)
def test_every_error_of_nginx_is_a_problem(nginx: Nginx, code: int) -> None:
    problem = assert_problem(requests.get(f"{nginx.url}/returns/{code}"), CODES[code])
    default = "look for the request id in the logs of this service"
    assert default not in problem["detail"], "errors.map has no row for it"


def test_errors_carry_the_headers_that_their_status_asks_for(nginx: Nginx) -> None:
    def headers(code: int) -> dict:
        return requests.get(f"{nginx.url}/returns/{code}").headers

    assert 'header="X-API-Key"' in headers(401)["WWW-Authenticate"]
    assert headers(405)["Allow"] == "GET, POST, DELETE"
    assert {code: headers(code).get("Retry-After") for code in (404, 429, 502, 503, 504)} == {
        404: None, 429: "1", 502: "2", 503: "2", 504: "2"}


@pytest.mark.parametrize(("request_bytes", "expected"), [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"nonsense / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
    (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    (b"GET / HTTP/9.1\r\nHost: a\r\n\r\n", 505),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: rot13\r\n\r\n", 501),
], ids=["no-host", "two-hosts", "method", "length", "uri", "header", "trace", "version", "coding"])
def test_malformed_requests(nginx: Nginx, request_bytes: bytes, expected: int) -> None:
    assert_raw_problem(send_raw(nginx.port, request_bytes), expected)


def test_plain_http_on_the_tls_port(nginx: Nginx) -> None:
    answer = send_raw(nginx.tls_port, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
    assert "https://" in assert_raw_problem(answer, 400)["detail"]


def test_nothing_of_the_request_is_echoed(nginx: Nginx) -> None:
    answer = send_raw(nginx.port, b'GET /"%22<b>zebra HTTP/1.1\r\nHost: zebra\r\n\r\n')
    assert_raw_problem(answer, 404)
    assert b"zebra" not in answer


def test_an_error_page_cannot_be_asked_for(nginx: Nginx) -> None:
    assert_problem(requests.get(f"{nginx.url}/_problem/401"), 404)


@pytest.mark.parametrize("path", ["/", "/api", "/API/sandboxes", "/nothing"])
def test_unknown_paths(nginx: Nginx, path: str) -> None:
    assert_problem(requests.get(nginx.url + path, headers=AUTH, allow_redirects=False), 404)


def test_a_missing_and_a_breaking_program_are_502(start_nginx: StartNginx) -> None:
    nginx = start_nginx(lanes=("read",))
    assert_problem(requests.get(f"{nginx.url}/health"), 502)
    assert_problem(requests.get(f"{nginx.url}/api/breaks-off", headers=AUTH), 502)


def test_a_silent_program_is_504(start_nginx: StartNginx) -> None:
    nginx = start_nginx(changes={
        "sandbox-provisioner/fastcgi.conf": {"read_timeout    28s": "read_timeout 200ms"}})
    assert_problem(requests.get(f"{nginx.url}/api/never-answers", headers=AUTH), 504)


def test_a_request_that_stops_arriving_is_dropped(start_nginx: StartNginx) -> None:
    nginx = start_nginx(changes={
        "sandbox-provisioner.conf": {"body_timeout     10s": "body_timeout 200ms"}})
    with socket.create_connection(("127.0.0.1", nginx.port), timeout=10) as connection:
        connection.sendall(f"POST /api/sandboxes HTTP/1.1\r\nHost: a\r\nX-API-Key: {KEY}\r\n"
                           "Content-Length: 9\r\n\r\nhalf".encode())
        assert connection.recv(1) == b""


@pytest.mark.parametrize("replacements", [
    {"rate=2000r/s": "rate=1r/m", "burst=4000": "burst=1"},
    {"sandbox_provisioner_conn 512": "sandbox_provisioner_conn 1"},
], ids=["rate", "connections"])
def test_a_client_that_runs_wild_is_429(start_nginx: StartNginx,
                                        replacements: dict[str, str]) -> None:
    nginx = start_nginx(changes={"sandbox-provisioner.conf": replacements})
    held = [http.client.HTTPConnection("127.0.0.1", nginx.port) for _ in range(2)]
    for connection in held:
        connection.request("GET", "/api/never-answers", headers=AUTH)
    # The held requests may reach nginx a little later than this one.
    deadline = time.monotonic() + 5
    while (response := requests.get(f"{nginx.url}/api/x", headers=AUTH)).status_code == 200:
        assert time.monotonic() < deadline
    assert_problem(response, 429)
    assert response.headers["Retry-After"] == "1"
    assert requests.get(f"{nginx.url}/health").status_code == 200
    # Without a key one does not even learn that.
    assert_problem(requests.get(f"{nginx.url}/api/x"), 401)
    for connection in held:
        connection.close()


@pytest.mark.parametrize("with_certificate", [False, True], ids=["none", "untrusted"])
def test_client_certificates(start_nginx: StartNginx, tmp_path: Path,
                             with_certificate: bool) -> None:
    extra = "ssl_client_certificate tls/cert.pem;\nssl_verify_client on;\n"
    nginx = start_nginx(extra=extra)
    stranger = make_certificate(tmp_path / "stranger")
    cert = (str(stranger), str(stranger.with_name("key.pem"))) if with_certificate else None
    response = requests.get(f"{nginx.tls_url}/health", verify=str(nginx.ca_file), cert=cert)
    problem = assert_problem(response, 400)
    assert ("not accepted" if with_certificate else "presented no") in problem["detail"]


# Keys


def test_both_keys_are_valid_and_have_names(nginx: Nginx) -> None:
    for key, name in ((KEY, "first"), (LONG_KEY, "second")):
        seen = requests.get(f"{nginx.url}/api/x", headers={"X-API-Key": key}).json()
        assert seen["params"]["API_KEY_NAME"] == name


@pytest.mark.parametrize("key", [
    None, "", KEY.upper(), KEY.swapcase(), KEY[:-1], KEY + "x", "x" + KEY, f"~^{KEY}$", "~.*",
    ".*", "default", "first", "L" * 127, "L" * 129, "x" * 200, "x" * 4000, f"{KEY},{KEY}",
    f'"{KEY}"', "$http_x_api_key", "é" * 16,
])
def test_other_keys_are_401(nginx: Nginx, key: str | None) -> None:
    headers = {} if key is None else {"X-API-Key": key.encode()}
    assert_problem(requests.get(f"{nginx.url}/api/sandboxes", headers=headers), 401)


@pytest.mark.parametrize("path", [
    "/api/sandboxes", "/api/", "/api", "/api/capabilities", "//api/sandboxes", "/./api/x",
    "/%61pi/x", "/x/../api/x", "/health/../api/x", "/api/x%0a", "/api/%0a", "/api/x%20",
    "/api/x?X-API-Key=" + KEY, "/api/x?" + KEY,
])
def test_no_spelling_of_the_path_goes_round_the_key(nginx: Nginx, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert_raw_problem(send_raw(nginx.port, request.encode()), 401)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "BREW"])
@pytest.mark.parametrize("size", [0, LIMIT + 1, 10 * LIMIT])
def test_the_key_is_checked_before_anything_else(nginx: Nginx, method: str, size: int) -> None:
    response = requests.request(method, f"{nginx.url}/api/sandboxes", data=b"x" * size,
                                headers={"Content-Type": "text/plain"})
    assert_problem(response, 401)


@pytest.mark.parametrize("keys", [None, ""], ids=["no-file", "empty-file"])
def test_without_keys_every_call_is_401(start_nginx: StartNginx, keys: str | None) -> None:
    nginx = start_nginx(keys=keys)
    for value in (None, "", KEY, "~.*", "~^.*$"):
        headers = {} if value is None else {"X-API-Key": value}
        assert_problem(requests.get(f"{nginx.url}/api/sandboxes", headers=headers), 401)
    assert requests.get(f"{nginx.url}/health").status_code == 200


# What gets through, and to whom


@pytest.mark.parametrize(("method", "path", "lane"), [
    ("GET", "/api/sandboxes", "read"),
    ("HEAD", "/api/sandboxes", "read"),
    ("PUT", "/api/sandboxes", "read"),
    ("POST", "/api/sandboxes", "write"),
    ("DELETE", "/api/sandboxes/x", "write"),
    ("GET", "/api/capabilities", "probe"),
    ("POST", "/api/capabilities", "probe"),
    ("GET", "/health", "probe"),
    ("GET", "/metrics", "probe"),
    ("GET", "/ready", "read"),
])
def test_lanes(start_nginx: StartNginx, method: str, path: str, lane: str) -> None:
    nginx = start_nginx(lanes=(lane,))
    response = requests.request(method, nginx.url + path, headers=AUTH)
    assert response.status_code == 200
    if method != "HEAD":
        assert response.json()["lane"] == lane


def test_the_program_gets_these_parameters_and_no_header(nginx: Nginx) -> None:
    headers = AUTH | {"Content-Type": "application/json", "Proxy": "http://evil", "Cookie": "a=b",
                      "X-Request-ID": "mine"}
    response = requests.post(f"{nginx.url}/api/sandboxes/a%2Fb?limit=1&x=%22", data=b"{}",
                             headers=headers)
    seen = response.json()
    params = seen["params"]
    assert params.keys() == PARAMS
    assert float(params.pop("QUEUED_AT")) > 1e9
    request_id = params.pop("REQUEST_ID")
    assert request_id == response.headers["X-Request-ID"] != "mine"
    assert params == {
        "REQUEST_METHOD": "POST", "DOCUMENT_URI": "/api/sandboxes/a/b",
        "QUERY_STRING": "limit=1&x=%22", "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": "2", "API_KEY_NAME": "first",
    }
    assert seen["body"] == "{}"


def test_a_chunked_body_arrives_with_its_length(nginx: Nginx) -> None:
    seen = requests.post(f"{nginx.url}/api/x", data=iter([b"ab", b"c"]), headers=AUTH).json()
    assert (seen["params"]["CONTENT_LENGTH"], seen["body"]) == ("3", "abc")


@pytest.mark.parametrize("chunked", [False, True])
def test_the_body_limit(nginx: Nginx, chunked: bool) -> None:
    def post(size: int) -> requests.Response:
        body = b"x" * size
        data = iter([body[:1000], body[1000:]]) if chunked else body
        return requests.post(f"{nginx.url}/api/sandboxes", data=data, headers=AUTH)

    assert len(post(LIMIT).json()["body"]) == LIMIT
    assert_problem(post(LIMIT + 1), 413)


def test_the_programs_problems_pass_unchanged(nginx: Nginx) -> None:
    response = requests.get(f"{nginx.url}/api/problem", headers=AUTH, allow_redirects=False)
    assert response.status_code == 422
    assert response.content == b'{"detail":"the program\'s own words"}'
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Retry-After"] == "7"
    assert response.headers["Location"] == "/api/sandboxes/there"
    assert len(response.headers["X-Request-ID"]) == 32


def test_ready_and_metrics_are_for_the_allow_list(start_nginx: StartNginx) -> None:
    nginx = start_nginx(changes={"sandbox-provisioner/allow.conf": {"allow 127.0.0.0/8;": ""}})
    for path in ("/ready", "/metrics"):
        assert_problem(requests.get(nginx.url + path, headers=AUTH), 403)
    assert requests.get(f"{nginx.url}/health").status_code == 200
    assert requests.get(f"{nginx.url}/api/x", headers=AUTH).status_code == 200


def test_tls_is_current_and_verifiable(nginx: Nginx) -> None:
    response = requests.get(f"{nginx.tls_url}/health", verify=str(nginx.ca_file))
    assert response.status_code == 200
    assert "max-age" in response.headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in requests.get(f"{nginx.url}/health").headers

    context = ssl.create_default_context(cafile=str(nginx.ca_file))
    context.set_alpn_protocols(["h2"])
    with (socket.create_connection(("127.0.0.1", nginx.tls_port), timeout=5) as plain,
          context.wrap_socket(plain, server_hostname="localhost") as tls):
        assert tls.version() == "TLSv1.3"
        assert tls.selected_alpn_protocol() == "h2"


def logged(nginx: Nginx, request_id: str) -> dict[str, str] | None:
    """The request's line in the access log, which nginx writes after the response."""
    text = nginx.access_log.read_text()
    rows = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return next((row for row in rows if row["request_id"] == request_id), None)


def test_the_access_log_names_the_key_and_never_holds_it(nginx: Nginx) -> None:
    response = requests.get(f"{nginx.url}/api/x%22?{LONG_KEY}", headers=AUTH | {"User-Agent": 'a"b\\c'})
    line = wait_until(lambda: logged(nginx, response.headers["X-Request-ID"]), 5)
    assert line["key_name"] == "first"
    assert line["request"] == "GET /api/x%22 HTTP/1.1"
    assert (line["status"], line["upstream_status"]) == ("200", "200")
    assert float(line["upstream_seconds"]) >= 0
    assert line["agent"] == 'a"b\\c'
    logs = nginx.access_log.read_text() + nginx.error_log()
    assert KEY not in logs
    assert LONG_KEY not in logs


def test_the_private_key_is_private(nginx: Nginx) -> None:
    assert stat.S_IMODE((nginx.folder / "tls/key.pem").stat().st_mode) == 0o600
