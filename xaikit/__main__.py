"""``python -m xaikit`` is the command ``xaikit``."""

import sys

from xaikit.cli import main

if __name__ == "__main__":
    sys.exit(main())
