"""The conformance checks, one subject a file."""
