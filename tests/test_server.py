"""The server draws no page for who calls it by another name: no page from elsewhere gets at it by DNS rebinding."""

import socket

import pytest

from tests.browser.conftest import Server

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATASEL_WORKSPACE", str(tmp_path_factory.mktemp("workspace")))
        running = Server().start()
        yield running
        running.stop()


def answer(server, path, host, **headers):
    """The whole answer to a request, or to the first words of a conversation over a websocket."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        "",
        "",
    ]
    with socket.create_connection(("127.0.0.1", server.port), timeout=300) as line:
        line.sendall("\r\n".join(lines).encode())
        said = b""
        while b"\r\n\r\n" not in said and (part := line.recv(65536)):
            said += part
    return said.decode("latin-1")


def stream(server, host, origin=None):
    """How the server answers who asks for the websocket over which pages are drawn."""
    said = {
        "Origin": origin or f"http://{host}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": _KEY,
    }
    return answer(server, "/_stcore/stream", host, **said).split("\r\n")[0]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_who_calls_it_by_its_name_is_answered(server, host):
    assert stream(server, f"{host}:{server.port}").startswith("HTTP/1.1 101 ")
    assert answer(server, "/", f"{host}:{server.port}", Connection="close").startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "192.168.0.7",
        "localhost@evil.example",
    ],
)
def test_who_calls_it_by_another_name_is_refused(server, host):
    for name in (host, f"{host}:{server.port}"):
        assert stream(server, name).startswith("HTTP/1.1 403 ")
        assert stream(server, name, f"http://localhost:{server.port}").startswith("HTTP/1.1 403 ")


def test_a_page_from_elsewhere_is_refused_whatever_name_it_calls(server):
    assert stream(server, f"localhost:{server.port}", "http://evil.example").startswith("HTTP/1.1 403 ")
