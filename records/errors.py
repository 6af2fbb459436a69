"""Errors meant for the person at the keyboard, and the wrapper that prints them without a traceback."""

from __future__ import annotations

import errno
import os
import select
import sys
from collections.abc import Callable, Sequence


class UserError(Exception):
    """Something the user can mend. The message says what was wrong, where, and what to do."""


def run_command(main: Callable[[Sequence[str]], int], argv: Sequence[str] | None = None) -> int:
    """Run a command line entry point; user errors become one line on stderr and exit code 2.

    A full disk, Ctrl-C and a reader that goes away (`… | head`, exit code 141 as of a shell's own commands) are treated
    alike wherever they strike, because no step can foresee them all.
    """
    try:
        return main(sys.argv[1:] if argv is None else argv)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped: run the same command again to go on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:
        output = select.poll()
        output.register(sys.stdout.fileno(), 0)
        if not output.poll(0):
            raise  # another pipe than the output's
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return 141
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" while writing {error.filename}" if error.filename else ""
        print(f"error: the disk is full{where}; free some space and run the same command again", file=sys.stderr)
        return 2
