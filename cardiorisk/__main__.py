"""Run the command line with ``python -m cardiorisk``."""

import sys

from cardiorisk.cli import main

if __name__ == "__main__":
    sys.exit(main())
