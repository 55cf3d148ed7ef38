"""What a run is on disk; nothing here imports torch.

::

    spec          what decides what a run computes, and so its identity
    shape         sizes of a proxy, chosen for a number of parameters
    streams       which tokens a base or a run reads
    model_source  existing models: where they are, and their identity
    folder        a run's folder: its files and its state
    records       its losses                      progress  how far it is
    locks         who works on it                 faults    what the machine refuses
"""
