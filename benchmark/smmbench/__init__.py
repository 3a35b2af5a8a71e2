"""The public benchmark of text-driven video motion transfer."""

__version__ = "0.1.0"
