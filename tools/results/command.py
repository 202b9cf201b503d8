"""What the scripts here share as commands: what they take, how they fail and how they end."""
import argparse
import math
import os
import pathlib
import sys

INTERRUPTED, READER_GONE = 130, 141  # exit codes of the main program


def fail(message):
    sys.exit(f"tools/results/{pathlib.Path(sys.argv[0]).name}: {message}")


def positive(kind):
    """A type of argparse: int or float above 0."""
    def number(text):
        value = kind(text)
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"'{text}' is not above 0")
        return value
    return number


def check_there(what, asked, there, where):
    """Ends the program where something that was asked for is not there."""
    if absent := [one for one in asked if one not in there]:
        fail(f"no {what} {' and '.join(map(repr, absent))} {where}; there are {', '.join(there) or 'none'}")


def written(main):
    """The exit code of main, with all that it printed written: a failure at the exit nobody can catch."""
    try:
        return main()
    finally:
        if sys.stdout:
            sys.stdout.flush()


def end_with(main):
    """Ends the program with the exit code of main. What the system refuses is one line, an output that nobody reads is none."""
    try:
        sys.exit(written(main))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what could not be written is tried once more at the exit
        if isinstance(error, BrokenPipeError):
            sys.exit(READER_GONE)
        names = [str(name) for name in (error.filename, error.filename2) if name is not None]
        fail(": ".join([*names, error.strerror or str(error)]))
