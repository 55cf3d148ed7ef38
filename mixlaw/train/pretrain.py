"""Bases: pre-trained from scratch on general text and decayed, or existing models.

Either way a base's held-out losses at 0 CPT tokens are recorded, and it is kept by the hash of what
it is.
"""

from mixlaw.corpora.prepare import Corpora
from mixlaw.corpora.tokens import checksum
from mixlaw.errors import RunError
from mixlaw.rundir.folder import RunFolder
from mixlaw.rundir.spec import BaseSpec, ExistingSpec
from mixlaw.rundir.streams import base_stream
from mixlaw.train.checkpoint import save_weights
from mixlaw.train.evaluate import Recorder, eval_batch
from mixlaw.train.interrupts import Watch
from mixlaw.train.loop import DivergedError, Leg, train
from mixlaw.train.pretrained import shape_of
from mixlaw.train.state import new_state, resume
from mixlaw.train.steps import Loop


def measure_base(folder: RunFolder, spec: ExistingSpec, corpora: Corpora) -> None:
    """Record the held-out losses of an existing model.

    Raises:
        RunError: it is not the model that the specification is of, or its losses are no numbers.
    """
    if shape_of(folder.source, folder.known_models) != spec.shape:
        raise RunError(
            f"'{folder.source.name}' is no longer the model that this sweep was planned with; "
            "sweep again to plan with the model as it is."
        )
    recorder = Recorder(folder, corpora, step_flops=0, eval_batch=eval_batch(spec))
    try:
        recorder.measure(new_state(spec, folder), folder.run_id, tokens=0, annealed=True)
    except DivergedError:
        raise RunError(
            f"The held-out losses of '{folder.source.name}' are no numbers; check its weights."
        ) from None
    folder.finish(status="done", weights=spec.shape.fingerprint)


def train_base(folder: RunFolder, spec: BaseSpec, corpora: Corpora, watch: Watch) -> Loop:
    """Train one base, or continue it, and record its held-out losses at 0 CPT tokens.

    Raises:
        RunError: it diverged; nothing can start from it.
        StoppedError: the process has to stop.
    """
    state = new_state(spec)
    stream = base_stream(spec, corpora)
    recorder = Recorder.of(folder, spec, corpora, state.model)
    leg = Leg.of(
        folder,
        spec,
        "base",
        stream=stream,
        schedule=folder.optim(spec).decayed(spec.steps),
        watch=watch,
        total=spec.steps,
    )
    resume(state, leg.checkpoint)
    try:
        yield from train(state, leg, until=spec.steps)
        recorder.measure(state, folder.run_id, tokens=0, annealed=True)
    except DivergedError as error:
        if folder.retry(spec, error.step):
            yield from train_base(folder, spec, corpora, watch)
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
