"""An exhaustive search through what can happen to one key while several workers replicate it."""
