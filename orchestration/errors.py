"""What a command tells its user when it cannot go on. The exit codes are part of the published interface."""

from __future__ import annotations


class MeterlineError(Exception):
    """A failure with one clear line for the user; `exit_code` is the process's."""

    exit_code = 1


class BadInputError(MeterlineError):
    """Something given to the platform is wrong: an argument, a variable, a configuration file."""

    exit_code = 2


class NotYetError(BadInputError):
    """What was asked for is refused as things stand; the message says what has to come before."""


class GateFailedError(MeterlineError):
    """A check refused to let data or money pass; the message names the check."""


class BusyError(MeterlineError):
    """Another run holds the lock of the step that was asked for."""
