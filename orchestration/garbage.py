"""What a process spends on garbage: little, because nearly all that it imports and parses stays to its end."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Python's own 700 looks hundreds of times through what an import has just made. The later generations keep Python's
# own pace, so that a service that follows the landing zone does not keep what its batches leave.
THRESHOLDS = (200_000, 10, 10)
# Python's own exit code where nobody is left to read the output.
UNFLUSHED = 120


def look_seldom() -> None:
    """Let this process look for garbage seldom; a run then takes a tenth less processor time, and a few megabytes."""
    gc.set_threshold(*THRESHOLDS)


@contextmanager
def left_to_the_system() -> Iterator[None]:
    """Around all that a command does: let it end without taking apart what it imported, which takes seconds.

    What is registered for the end within the block is done as ever, and what was written is written out. A process that
    ends with an error that nobody expected ends as ever.
    """
    codes: list[int] = []

    def leave() -> None:
        # Whoever called the command as a function may have failed since.
        if codes and not hasattr(sys, "last_type"):
            # Registered before this, so it would come after.
            logging.shutdown()
            os._exit(codes[-1] if _are_flushed() else UNFLUSHED)

    atexit.register(leave)
    try:
        yield
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            codes.append(ended.code or 0)
        raise
    codes.append(0)


def _are_flushed() -> bool:
    """Write out what was printed; whether all of it found a reader."""
    done = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            done = False
    return done
