"""What the client tests share: each check is a function; it prints ok or not ok with what went wrong."""
import os
import time
import traceback


def run(prefix, checks):
    for check in checks:
        name = f"{prefix}: {check.__doc__}"
        try:
            check()
            print(f"ok {name}", flush=True)
        except Exception:
            print(f"not ok {name}", flush=True)
            for line in traceback.format_exc().splitlines()[-12:]:
                print(f"# {line}", flush=True)


def until(what, seconds=15):
    """Calls `what` until it gives something true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = what()
        if got:
            return got
    raise AssertionError(f"not within {seconds} s")


def soon(what):
    """What an administrator has done. Kafka's broker hears of it from its controller a moment later; Weir knows at once."""
    if os.environ.get("PEER") == "kafka":
        return until(what)
    assert what()
