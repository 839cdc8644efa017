"""The function without AWS: every part by itself, and S3 as moto has it."""
