"""How fast the module's function copies, beside its peers, on a model of S3: ``make bench``."""
