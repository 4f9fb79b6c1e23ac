"""A command ends as Python would end it, only sooner."""

import os
import subprocess
import sys

import pytest

# What a program may leave for its end: words in a buffer, a record that waits for others, something registered, and a
# thread that is still at work.
PROGRAM = """
import atexit, logging.handlers, sys, threading, time
from contextlib import nullcontext
from orchestration import garbage

class Held:
    def __del__(self):
        print("taken apart")

def work():
    time.sleep(0.2)
    print("worked")

records = logging.handlers.MemoryHandler(100, target=logging.StreamHandler(sys.stdout))
logging.getLogger().addHandler(records)
held = [Held()]
held.append(held)
with {around}():
    atexit.register(print, "registered")
    logging.warning("logged")
    threading.Thread(target=work).start()
    print("said")
    print("complained", file=sys.stderr)
    {ending}
"""
ENDINGS = ["pass", "sys.exit()", "sys.exit(3)", "sys.exit('words')", "raise ValueError('nobody expected it')"]


def ended(around: str, ending: str) -> tuple[int, list[str], str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    program = PROGRAM.format(around=around, ending=ending)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.returncode, sorted(done.stdout.splitlines()), done.stderr.splitlines()[-1]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_waits_for_the_end_is_done_and_the_exit_code_is_kept(ending: str) -> None:
    code, said, last = ended("nullcontext", ending)
    assert said == ["logged", "registered", "said", "taken apart", "worked"]
    sooner = ended("garbage.left_to_the_system", ending)
    if ending in ENDINGS[:3]:
        said.remove("taken apart")
    assert sooner == (code, said, last)
