"""The planned policies against what the handler does: nothing is missing and nothing is left over."""
