"""Training of proxies with torch.

::

    model         the proxy and its optimiser
    pretrained    existing models, counted and loaded
    state         where a stretch of training begins: new weights, a base's, or a checkpoint
    loop          the training loop, a generator that waits for the gradients of each step
    steps         how several loops take their steps together
    gradients     the gradients of one model, or of several in one batched pass
    evaluate      held-out losses, and their records
    checkpoint    everything that a continued run needs
    pretrain      bases, on top of these; recipes are in ``mixlaw.recipes``

    interrupts    requests to stop, when to save, progress
    ranks         which of several processes this one is
    distributed   what these do together: agree, write once, shard

``steps``, ``interrupts`` and ``ranks`` import no torch: a worker needs them before it trains.
"""
