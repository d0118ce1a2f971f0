"""`python -m indexer` is the command `perps-indexer`."""

from indexer.cli import main

if __name__ == "__main__":
    main()
