"""What every script of Headgate needs as a program. Imports nothing but Python's own: the scripts start where there is no Spark, too."""

import os
import threading
import time


def options(arguments, defaults):
    """Values by name: those of `--name value` among the arguments, else the defaults. Not by `awsglue.utils.getResolvedOptions`: it keeps JOB_RUN_ID
    for itself and ends with an error where a script asks for it (awslabs/aws-glue-libs#22)."""
    pairs = dict(zip(arguments, arguments[1:]))
    return {name: pairs.get(f"--{name}", default) for name, default in defaults.items()}


def end_with(parent):
    """Ends this process when the local process of this id is gone: nobody waits for the answer."""

    def watch():
        while os.path.exists(f"/proc/{parent}") or not os.path.isdir("/proc/self"):
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Clock:
    """Seconds of each part of the work."""

    def __init__(self):
        self.seconds = {}

    def take(self, name, work):
        start = time.monotonic()
        result = work()
        self.seconds[name] = round(time.monotonic() - start, 3)
        return result
