"""Bases: pre-trained from scratch on general text, decayed, kept by the hash of what they are."""

from mixlaw.corpora.prepare import Corpora
from mixlaw.corpora.tokens import checksum
from mixlaw.errors import RunError
from mixlaw.train.checkpoint import save_weights
from mixlaw.train.folder import RunFolder
from mixlaw.train.loop import DivergedError, Leg, train
from mixlaw.train.model import measure_step_flops
from mixlaw.train.recorder import Recorder
from mixlaw.train.spec import BaseSpec
from mixlaw.train.state import new_state, resume
from mixlaw.train.streams import base_stream
from mixlaw.train.watch import Watch


def train_base(folder: RunFolder, spec: BaseSpec, corpora: Corpora, watch: Watch) -> None:
    """Train one base, or continue it, and record its held-out losses at 0 CPT tokens.

    Raises:
        RunError: it diverged; nothing can start from it.
        StoppedError: the watch said so.
    """
    state = new_state(spec)
    stream = base_stream(spec, corpora)
    recorder = Recorder(
        folder, corpora, measure_step_flops(state.model, spec.data.batch_size, spec.data.seq_len)
    )
    leg = Leg(
        folder=folder,
        name="base",
        stream=stream,
        batch_size=spec.data.batch_size,
        schedule=folder.optim(spec).decayed(spec.steps),
        clip=spec.optim.clip,
        watch=watch,
        total=spec.steps,
    )
    resume(state, leg.checkpoint)
    try:
        train(state, leg, until=spec.steps)
        recorder.measure(state, folder.run_id, tokens=0, annealed=True)
    except DivergedError as error:
        if folder.retry(spec, error.step):
            train_base(folder, spec, corpora, watch)
            return
        raise RunError(
            f"The base {folder.run_id} diverged at step {error.step} of {spec.steps}; "
            "lower schedule.lr and sweep again."
        ) from error
    save_weights(state.model, folder.weights)
    folder.finish(
        status="done",
        epochs=stream.epochs(spec.steps * spec.data.batch_size),
        weights=checksum(folder.weights),
    )
