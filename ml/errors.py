"""What models refuse to work with."""

from __future__ import annotations


class EvidenceError(Exception):
    """Something that a score would rest on is not what was recorded; the message says what and what to do."""
