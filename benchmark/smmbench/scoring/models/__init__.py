"""Models with which metrics evaluate frames and prompts."""
