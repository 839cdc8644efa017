"""The module at work on this machine: `python -m demo`."""
