"""The roles that migrations make: what each part of the platform works as, without a password of its own."""

from __future__ import annotations

ROLES = (
    "meterline_owner", "meterline_ingest", "meterline_transform", "meterline_score", "meterline_finance",
    "meterline_auditor", "meterline_approver",
)  # fmt: skip
