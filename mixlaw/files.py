"""Files that are whole or absent: written under a temporary name, then renamed."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from mixlaw.errors import ConfigError


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write text (UTF-8) or bytes; a reader sees the old file or the new one, never a part."""
    data = content.encode() if isinstance(content, str) else content
    write_atomic_with(path, lambda temporary: temporary.write_bytes(data))


def write_atomic_with(path: Path, write: Callable[[Path], object]) -> None:
    """As ``write_atomic``, for libraries that want a path: ``write`` gets the temporary one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_UMASK)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_writable(folder: Path) -> None:
    """See that files can be written into a folder before the work for them; it is not made yet.

    Raises:
        ConfigError: neither it nor the folder that it would be made in can be written to.
    """
    try:
        place = next(place for place in (folder, *folder.parents) if place.exists())
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        raise ConfigError(
            f"'{folder}' cannot be written to ({error.strerror}); give another --out."
        ) from None


def _read_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


#: mkstemp makes private files; results are to be readable like any other file of the user.
_UMASK = _read_umask()
