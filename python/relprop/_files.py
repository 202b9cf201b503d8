"""Files that are there as a whole or not at all, whatever interrupts, as src/image/files.cpp writes them."""
from __future__ import annotations

import errno
import fcntl
import itertools
import os
import stat
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Iterator

from ._options import path_of
from .errors import Error, FileWriteFailed

_ATTEMPTS = 100
_LONGEST = 180  # bytes of a name that go into that of its temporary file, so that this one stays within what is allowed
_numbers = itertools.count()


def _refused(path: str, got: str, hint: str = "check the folder and its permissions") -> FileWriteFailed:
    return FileWriteFailed(path, got, "", hint)


def _target(path: str) -> str:
    """What lies behind links, which stay. Of an open file, as /dev/fd/3, the name is another file's, or nobody's."""
    if os.path.basename(path) in ("", os.curdir, os.pardir):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    target = os.path.realpath(path) if os.path.islink(path) else path
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode) or not _is_name_of(target, path):
        raise _refused(path, "a pipe, a device or an open file", "give the path of a file")
    return target


def _is_name_of(target: str, path: str) -> bool:
    """Asked again where it is not: somebody may replace it between the two questions."""
    return target == path or any(os.path.exists(target) and os.path.samefile(path, target) for _ in range(_ATTEMPTS))


def _is_claimed(file: BinaryIO) -> bool:
    """The library removes what processes of other machines left behind where nobody has it locked (leftovers.cpp)."""
    with suppress(OSError):  # file systems without locks are not shared
        fcntl.flock(file, fcntl.LOCK_EX)
    return os.fstat(file.fileno()).st_nlink > 0


def _part(target: str) -> BinaryIO:
    """A file beside `target`, so that it can be renamed. What is to have the mode of a file that it replaces is nobody
    else's until then."""
    folder, name = os.path.split(os.fsencode(target))
    mode = 0o600 if os.path.exists(target) else 0o666
    for _ in range(_ATTEMPTS):
        part = os.path.join(folder, b".%s.part.%d.%d" % (name[:_LONGEST], os.getpid(), next(_numbers)))
        with suppress(FileExistsError):
            file = open(os.fsdecode(part), "xb", opener=lambda path, flags: os.open(path, flags, mode))
            if _is_claimed(file):
                return file
            file.close()
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _keep_access(target: str, part: str) -> None:
    try:
        old, new = os.stat(target), os.stat(part)
    except FileNotFoundError:
        return
    mode = old.st_mode & 0o777
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid) and not _is_given(part, old):
        mode &= ~0o070  # who may not give a file away keeps it, and another group gets nothing of it
    os.chmod(part, mode)


def _is_given(part: str, old: os.stat_result) -> bool:
    for owner in (old.st_uid, -1):
        with suppress(OSError):
            os.chown(part, owner, old.st_gid)
            return True
    return False


def _put(file: BinaryIO, target: str) -> None:
    file.close()
    _keep_access(target, file.name)
    os.replace(file.name, target)


def _removed(file: BinaryIO) -> None:
    with suppress(FileNotFoundError):
        os.unlink(file.name)
    with suppress(OSError):  # what is told already
        file.close()


@contextmanager
def replacing(*paths: str) -> Iterator[list[BinaryIO]]:
    """Files to write to; they become `paths` where nothing goes wrong, and are removed otherwise. Who closes one may
    write by its name instead. FileWriteFailed where it cannot be."""
    files: list[BinaryIO] = []
    try:
        targets = [_target(path) for path in paths]
        for target in targets:
            files.append(_part(target))
        yield files
        for file, target in zip(files, targets):
            _put(file, target)
    except Error:  # the library's own, some of which are OSErrors, say what they mean
        raise
    except OSError as problem:
        raise _refused(paths[0], problem.strerror or str(problem)) from None
    finally:
        for file in files:
            _removed(file)


def write_whole(path: Any, data: bytes) -> None:
    """Writes one file. Raises as Picture.save."""
    with replacing(os.fsdecode(path_of(path, "path"))) as (file,):
        file.write(data)


def make_folder(path: str) -> None:
    """Where there is none. FileWriteFailed where it cannot."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as problem:
        raise _refused(path, problem.strerror or str(problem)) from None
