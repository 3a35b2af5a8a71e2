"""Calling official code: files in, a command with limits, a video out."""
