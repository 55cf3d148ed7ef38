"""Worker processes that encode batches of text, one per core.

A worker is a plain process, started with an argv and spoken to through its pipes, that ends when
its input does: it cannot outlive the process that wants its tokens. Run as a module, this file is
the worker. It reads a line of JSON with the tokenizer, then a line of JSON with the texts of each
batch, and answers every batch with a line of JSON, the lengths, and all ids as raw bytes.
"""

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, BinaryIO, cast

import numpy as np

from mixlaw.corpora.documents import Document
from mixlaw.corpora.tokenizer import TextEncoder
from mixlaw.corpora.tokens import Tokens
from mixlaw.errors import RunError

Batch = Sequence[Document]
Worker = subprocess.Popen[bytes]


def encode_in_order(
    batches: Iterable[Batch], encoder: TextEncoder, n_workers: int
) -> Iterator[tuple[Batch, list[Tokens]]]:
    """Each batch with the ids of its documents, in the order of the batches.

    One worker is this process itself. Otherwise every worker has one batch at a time, and the
    oldest is waited for first, so neither side ever blocks on a pipe that the other fills.

    Raises:
        RunError: a worker died.
    """
    if n_workers == 1:
        yield from ((batch, encoder.encode(batch)) for batch in batches)
        return
    with ExitStack() as stack:
        idle = [stack.enter_context(_running(encoder)) for _ in range(n_workers)]
        busy: deque[tuple[Worker, Batch]] = deque()
        for batch in batches:
            if not idle:
                worker, done = busy.popleft()
                idle.append(worker)
                yield done, encoder.combine(done, _receive(worker, encoder.dtype))
            busy.append((idle.pop(), batch))
            _send(busy[-1][0], [document.text for document in batch if document.ids is None])
        for worker, done in busy:
            yield done, encoder.combine(done, _receive(worker, encoder.dtype))


@contextmanager
def _running(encoder: TextEncoder) -> Iterator[Worker]:
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    worker = subprocess.Popen(
        [sys.executable, "-m", "mixlaw.corpora.workers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    try:
        _send(worker, [encoder.tokenizer.to_str(), encoder.end_of_text_name])
        yield worker
    finally:
        with suppress(BrokenPipeError):  # of a dead worker, which ``_receive`` reports
            cast(BinaryIO, worker.stdin).close()
        cast(BinaryIO, worker.stdout).close()
        worker.wait()


def _send(worker: Worker, message: Any) -> None:
    stdin = cast(BinaryIO, worker.stdin)
    try:
        stdin.write(json.dumps(message).encode() + b"\n")
        stdin.flush()
    except BrokenPipeError as error:
        raise _death(worker) from error


def _receive(worker: Worker, dtype: np.dtype[np.unsignedinteger[Any]]) -> Iterator[Tokens]:
    stdout = cast(BinaryIO, worker.stdout)
    line = stdout.readline()
    lengths = json.loads(line) if line.endswith(b"\n") else []
    ids = stdout.read(sum(lengths) * dtype.itemsize)
    if not line.endswith(b"\n") or len(ids) < sum(lengths) * dtype.itemsize:
        raise _death(worker)
    return iter(np.split(np.frombuffer(ids, dtype), np.cumsum(lengths)[:-1]))


def _death(worker: Worker) -> RunError:
    code = worker.wait()
    hint = ", as systems end them when memory runs out" if code == -signal.SIGKILL else ""
    return RunError(
        f"A process that tokenises ended with code {code}{hint}; run the same command again, it "
        "continues where it stopped."
    )


def _work(stdin: BinaryIO, stdout: BinaryIO) -> None:
    from tokenizers import Tokenizer

    description, end_of_text = json.loads(stdin.readline())
    encoder = TextEncoder(Tokenizer.from_str(description), end_of_text)
    for line in stdin:
        encoded = encoder.encode_texts(json.loads(line))
        stdout.write(json.dumps([len(ids) for ids in encoded]).encode() + b"\n")
        stdout.writelines(ids.tobytes() for ids in encoded)
        stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted, and closes the pipe
    try:
        _work(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        os._exit(1)  # the parent is gone; flushing at exit would only complain
