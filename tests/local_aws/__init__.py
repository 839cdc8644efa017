"""An AWS on this machine for the demo and the tests: LocalStack with real function processes.

Nothing is imported here on purpose: every function process imports this package first, and what
it loads is part of each cold start.
"""
