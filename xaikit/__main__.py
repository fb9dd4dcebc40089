"""``python -m xaikit`` is the command ``xaikit``."""

from xaikit.cli import program

if __name__ == "__main__":
    program()
