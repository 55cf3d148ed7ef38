"""What a run is on disk: specification, shape, streams, folder, locks; no torch."""
