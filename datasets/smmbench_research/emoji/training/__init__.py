"""Training of the embedded world's models, each by one command."""
