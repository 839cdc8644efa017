"""What tests and benchmarks share: settings, events, objects, a model of AWS, the function on it."""
