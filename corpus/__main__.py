"""Entry point of `python -m corpus`."""

import sys

from corpus.command import main
from records.errors import run_command

if __name__ == "__main__":
    sys.exit(run_command(main))
