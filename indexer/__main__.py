"""`python -m indexer` is the command `perps-indexer`. Ctrl-C is no traceback, also while the program is loaded."""

import sys


def main() -> None:
    try:
        from indexer.cli import main as run  # Takes half a second, in which Ctrl-C may come.
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
