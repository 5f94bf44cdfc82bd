"""``python -m lifline``: the command line, where the folder of scripts is not on PATH."""

from .cli.main import app

if __name__ == "__main__":
    app(prog_name="lifline")
