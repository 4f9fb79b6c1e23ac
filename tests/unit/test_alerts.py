"""Alerts reach a webhook and a mail server that are really there; one that cannot be delivered stops nothing."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from orchestration.alerts import Alert, send

ALERT = Alert("close_period failed", "check usage_gate holds acme:2019-02-01", "http://ui.example/runs/1")


@contextmanager
def served(server: socketserver.BaseServer) -> Iterator[int]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]  # type: ignore[index,misc]
    finally:
        server.shutdown()
        server.server_close()


class Webhook(BaseHTTPRequestHandler):
    received: list[dict[str, str]]
    status = 204

    def do_POST(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *arguments: object) -> None: ...


class MailServer(socketserver.StreamRequestHandler):
    """As much of SMTP as it takes to be handed a message."""

    received: list[str]

    def handle(self) -> None:
        self.reply("220 here")
        while line := self.rfile.readline().decode().strip():
            command = line.split(" ")[0].upper()
            if command == "DATA":
                self.reply("354 go on")
                self.received.append("".join(iter(lambda: self.rfile.readline().decode(), ".\r\n")))
            self.reply("221 bye" if command == "QUIT" else "250 ok")
            if command == "QUIT":
                return

    def reply(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def test_a_webhook_gets_the_alert_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = type("Handler", (Webhook,), {"received": []})
    with served(HTTPServer(("127.0.0.1", 0), handler)) as port:
        monkeypatch.setenv("METERLINE_ALERTS", f"http://127.0.0.1:{port}/hook")
        assert send(ALERT) == []
    assert handler.received == [
        {
            "title": "close_period failed",
            "text": "check usage_gate holds acme:2019-02-01",
            "url": "http://ui.example/runs/1",
        }
    ]


def test_a_mail_server_gets_the_alert_as_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = type("Handler", (MailServer,), {"received": []})
    with served(socketserver.TCPServer(("127.0.0.1", 0), handler)) as port:
        monkeypatch.setenv("METERLINE_ALERTS", "mailto:finance@example.org")
        monkeypatch.setenv("METERLINE_SMTP_URL", f"smtp://127.0.0.1:{port}")
        assert send(ALERT) == []
    (message,) = handler.received
    assert "Subject: close_period failed" in message
    assert "To: finance@example.org" in message
    assert "check usage_gate holds acme:2019-02-01" in message


def test_an_alert_that_cannot_be_delivered_is_told_without_its_secret_and_the_others_go_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    handler = type("Handler", (Webhook,), {"received": []})
    refusing = type("Refusing", (Webhook,), {"received": [], "status": 500})
    with served(HTTPServer(("127.0.0.1", 0), handler)) as port, served(HTTPServer(("127.0.0.1", 0), refusing)) as down:
        nowhere = "http://127.0.0.1:9/secret-path"
        monkeypatch.setenv("METERLINE_ALERTS", f"{nowhere}, http://127.0.0.1:{down}/, http://127.0.0.1:{port}/")
        problems = send(ALERT)
    assert len(problems) == 2
    assert "500" in problems[1]
    assert len(handler.received) == 1
    assert "secret-path" not in "".join(problems) + caplog.text


def test_the_log_is_the_default(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("METERLINE_ALERTS", raising=False)
    assert send(ALERT) == []
    assert "close_period failed: check usage_gate holds acme:2019-02-01" in caplog.text


@pytest.mark.parametrize(
    ("target", "problem"), [("pager:me", "knows log, https"), ("mailto:me@example.org", "set METERLINE_SMTP_URL")]
)
def test_a_target_that_makes_no_sense_is_named(monkeypatch: pytest.MonkeyPatch, target: str, problem: str) -> None:
    monkeypatch.setenv("METERLINE_ALERTS", target)
    monkeypatch.delenv("METERLINE_SMTP_URL", raising=False)
    (told,) = send(ALERT)
    assert problem in told
    assert target in told
