"""What a law misses, beside its parameters: in the range of the sweep and beyond it."""
