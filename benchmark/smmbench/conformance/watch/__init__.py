"""What the conformance checks observe: memory, shared state, and every value an object holds."""
