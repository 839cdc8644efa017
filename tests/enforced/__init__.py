"""The module on a local AWS that refuses what is not allowed."""
