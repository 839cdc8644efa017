"""What both features use: settings, clients, errors, log lines, metrics, messages."""
