"""The conformance checks, one subject per file."""
