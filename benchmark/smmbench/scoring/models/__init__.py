"""Models that metrics look at frames and prompts with."""
