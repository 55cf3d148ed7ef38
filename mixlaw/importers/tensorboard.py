"""TensorBoard event files, read without TensorBoard.

A file is a sequence of records (TFRecord): length (u64), masked CRC-32C of the length (u32),
payload, masked CRC-32C of the payload (u32), all little-endian. A payload is a protocol buffer
``Event``: field 2 step (varint, absent at step 0), field 5 ``Summary``, whose field 1 ``Value`` has
field 1 tag and either field 2 ``simple_value`` (float) or field 8 ``TensorProto``.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mixlaw.errors import DataError
from mixlaw.importers import Evaluation, Log, Request
from mixlaw.importers.reading import SAMPLES, TOKENS, Metrics

EXAMPLE = "step 128, tag 'eval/domain_loss', value 2.31"
FILES = ("events.out.tfevents.*",)

#: A scalar's record has some hundred bytes; images and graphs may have megabytes.
_MAX_RECORD = 2**30
#: Whole numbers up to here are exact as 32-bit floats.
_EXACT = 2**24
_VS_SAMPLES = " vs samples"


def recognises(path: Path, head: bytes) -> bool:
    """A first record whose length has the right checksum."""
    return len(head) >= 12 and _masked_crc(head[:8]) == int.from_bytes(head[8:12], "little")


def read(paths: Sequence[Path], request: Request) -> Log:
    """Evaluations of one run; several files, in the order of their names, are a resumed run's.

    Raises:
        DataError: no event file, corrupt before its end, or without held-out losses.
    """
    log = Log()
    metrics = Metrics(request.losses)
    counts: dict[int, dict[str, float]] = {}
    for path in paths:
        for step, tag, value in _scalars(path, request.progress, log):
            if tag.removeprefix("train/") in (*TOKENS, *SAMPLES) or tag in TOKENS:
                counts.setdefault(step, {})[tag.removeprefix("train/")] = value
                continue
            for _, name in metrics.losses_in([tag.removesuffix(_VS_SAMPLES)]):
                evaluation = Evaluation(name, value, step=step)
                if tag.endswith(_VS_SAMPLES):
                    evaluation = Evaluation(name, value, samples=step)
                log.evaluations.append(evaluation)
    metrics.close(log, paths[0], "TensorBoard loggers of known trainers")
    log.evaluations = [_counted(evaluation, counts) for evaluation in log.evaluations]
    if any((evaluation.tokens or 0) > _EXACT for evaluation in log.evaluations):
        log.notes.append(
            "TensorBoard keeps 24 bits of a number, so token counts above 16.8M are rounded"
        )
    return log


def _counted(evaluation: Evaluation, counts: dict[int, dict[str, float]]) -> Evaluation:
    """The evaluation with the tokens or samples logged at its very step, if there are any."""
    if evaluation.step is None:
        return evaluation
    known = counts.get(int(evaluation.step), {})
    tokens = {name: known[name] for name in TOKENS if name in known}
    samples = next((known[name] for name in SAMPLES if name in known), None)
    first = next(iter(tokens.values()), None)
    return replace(evaluation, samples=samples, tokens=first, counts=tokens)


def _scalars(
    path: Path, progress: Callable[[int], object], log: Log
) -> Iterator[tuple[int, str, float]]:
    """(step, tag, value) of every scalar; a record cut at the end marks the log as truncated."""
    for payload in _records(path, progress, log):
        try:
            yield from _event(payload)
        except (IndexError, struct.error, UnicodeDecodeError, ValueError) as error:
            raise DataError(f"'{path}' is corrupt: a record is no event ({error}).") from None


def _records(path: Path, progress: Callable[[int], object], log: Log) -> Iterator[bytes]:
    with path.open("rb") as file:
        offset = 0
        while header := file.read(12):
            length = int.from_bytes(header[:8], "little")
            if len(header) == 12:
                _check(path, offset, header[:8], header[8:])
            if length > _MAX_RECORD:
                raise DataError(f"'{path}' is corrupt: a record of {length} bytes at {offset}.")
            body = file.read(length + 4) if len(header) == 12 else b""
            if len(header) < 12 or len(body) < length + 4:
                log.truncated = True
                return
            _check(path, offset + 12, body[:length], body[length:])
            yield body[:length]
            offset += 16 + length
            progress(16 + length)


def _check(path: Path, offset: int, data: bytes, crc: bytes) -> None:
    if _masked_crc(data) != int.from_bytes(crc, "little"):
        raise DataError(
            f"'{path}' is corrupt, or no event file: wrong checksum at byte {offset}; "
            "copy it again from where it was written."
        )


def _event(payload: bytes) -> Iterator[tuple[int, str, float]]:
    fields = list(_fields(payload))
    step = next((value for number, value in fields if number == 2 and isinstance(value, int)), 0)
    for number, summary in fields:
        if number == 5 and isinstance(summary, bytes):
            for inner, value in _fields(summary):
                if inner == 1 and isinstance(value, bytes):
                    yield from ((step, tag, scalar) for tag, scalar in _value(value))


def _value(message: bytes) -> Iterator[tuple[str, float]]:
    """Tag and scalar of a ``Value``; nothing for images, texts and histograms."""
    tag, scalar = "", None
    for number, value in _fields(message):
        if number == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8")
        elif number == 2 and isinstance(value, bytes):
            scalar = struct.unpack("<f", value)[0]
        elif number == 8 and isinstance(value, bytes):
            scalar = _tensor(value)
    if scalar is not None:
        yield tag, float(scalar)


def _tensor(message: bytes) -> float | None:
    """The one float of a ``TensorProto`` of type float: packed float_val, or raw content."""
    fields = dict(_fields(message))
    data = fields.get(5, fields.get(4))
    if fields.get(1) != 1 or not isinstance(data, bytes) or len(data) != 4:
        return None
    return float(struct.unpack("<f", data)[0])


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of a protocol buffer message; fixed-width values stay bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _varint(message, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"unknown wire type {kind}")
        if at + size > len(message):
            raise ValueError("a field longer than its record")
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _crc_table() -> tuple[int, ...]:
    """CRC-32C (Castagnoli), reflected polynomial 0x82F63B78."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


_CRC = _crc_table()


def _masked_crc(data: bytes) -> int:
    """CRC-32C, rotated by 15 bits and shifted by a constant, as TFRecord stores it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
