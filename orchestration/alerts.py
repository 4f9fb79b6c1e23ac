"""Tells people that a run failed or that a gate holds something, by whatever `METERLINE_ALERTS` names.

The variable is a comma-separated list of `log`, `https://…` (a webhook, which gets JSON by POST) and `mailto:ADDRESS`
(by the server in `METERLINE_SMTP_URL`, as smtp://USER:PASSWORD@HOST:PORT or smtps://…). Absent, it is `log`.
"""

from __future__ import annotations

import json
import logging
import os
import smtplib
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from orchestration.errors import BadInputError

LOGGER = logging.getLogger("meterline.alerts")
SECONDS = 10
DEFAULT_SENDER = "meterline@localhost"


@dataclass(frozen=True)
class Alert:
    """What happened, in one line and in full, and where to look; tenants and devices by their ids, no secret."""

    title: str
    text: str
    url: str = ""


def send(alert: Alert) -> list[str]:
    """Send the alert to every target; returns what could not be delivered, which never stops the work itself."""
    problems = []
    for target in targets():
        try:
            _channel(target)(target, alert)
        except (OSError, smtplib.SMTPException, BadInputError) as error:
            problems.append(f"alert {alert.title!r} could not be sent to {_named(target)}: {error}")
    for problem in problems:
        LOGGER.error(problem)
    return problems


def targets() -> list[str]:
    """The targets in force."""
    configured = os.environ.get("METERLINE_ALERTS") or "log"
    return [target.strip() for target in configured.split(",") if target.strip()]


def _channel(target: str) -> Callable[[str, Alert], None]:
    if target == "log":
        return _log
    if target.startswith(("https://", "http://")):
        return _post
    if target.startswith("mailto:"):
        return _mail
    raise BadInputError("METERLINE_ALERTS knows log, https://… and mailto:ADDRESS")


def _log(target: str, alert: Alert) -> None:
    LOGGER.warning("%s: %s %s", alert.title, alert.text, alert.url)


def _post(target: str, alert: Alert) -> None:
    body = json.dumps(asdict(alert)).encode()
    request = urllib.request.Request(target, body, {"Content-Type": "application/json"})  # noqa: S310, its scheme is checked
    with urllib.request.urlopen(request, timeout=SECONDS):  # noqa: S310
        pass


def _mail(target: str, alert: Alert) -> None:
    server = urlsplit(os.environ.get("METERLINE_SMTP_URL") or "")
    if server.scheme not in ("smtp", "smtps") or server.hostname is None:
        raise BadInputError("set METERLINE_SMTP_URL to smtp://USER:PASSWORD@HOST:PORT")
    message = EmailMessage()
    message["Subject"], message["To"] = alert.title, target.removeprefix("mailto:")
    message["From"] = os.environ.get("METERLINE_ALERTS_SENDER") or DEFAULT_SENDER
    message.set_content(f"{alert.text}\n\n{alert.url}\n")
    connect = smtplib.SMTP_SSL if server.scheme == "smtps" else smtplib.SMTP
    with connect(server.hostname, server.port or 0, timeout=SECONDS) as session:
        if server.username and server.scheme == "smtp":
            session.starttls()
        if server.username:
            session.login(unquote(server.username), unquote(server.password or ""))
        session.send_message(message)


def _named(target: str) -> str:
    """A webhook's path is its secret: only the host goes into a log."""
    return urlsplit(target).hostname or target if "://" in target else target
