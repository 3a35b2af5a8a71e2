"""Call official code: write its input files, run commands with limits, read the video."""
