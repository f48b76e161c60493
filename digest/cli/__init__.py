"""The command line: one thin function a command. Errors become one sentence and an exit status.

Exit status: 0 done, 1 something failed (a source, a delivery; the rest was done), 2 wrong use or
configuration, 130 stopped by Ctrl-C.
"""

import sys

from digest.cli import stopping


def main() -> None:
    """Entry point of `digest`; what is heavy is imported when Ctrl-C is heard already."""
    stopping.listen()
    try:
        from digest.cli import root

        root.run()
    except BaseException:  # whatever a library makes of an interruption
        if not stopping.was_heard():
            raise
        print("digest: stopped", file=sys.stderr)  # noqa: T201
        exec("")  # an exec that was interrupted (dataclasses use it) would replace our status
        sys.exit(stopping.STOPPED)
    finally:
        stopping.finish()
