"""Finds librelprop, whose C interface all of this package stands on."""

from __future__ import annotations

import ctypes
import os
import pathlib

NAME = "librelprop.so.0"


def where() -> str:
    """The library's path: the variable RELPROP_LIBRARY, for development; else beside this file, where a wheel has it;
    else its name alone, which the system's loader looks for."""
    chosen = os.environ.get("RELPROP_LIBRARY")
    if chosen:
        return chosen
    bundled = pathlib.Path(__file__).with_name(NAME)
    return str(bundled) if bundled.exists() else NAME


def load() -> ctypes.CDLL:
    """The library, loaded. ImportError, with what to do, where it cannot be."""
    path = where()
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"relprop: cannot load {path}: {error}. Install the package librelprop0, or this one again with"
            " 'pip install .' from a checkout, or name the library in the variable RELPROP_LIBRARY."
        ) from error
