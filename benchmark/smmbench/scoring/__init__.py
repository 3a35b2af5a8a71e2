"""The scoring loop: load videos, models and tracks once, compute metrics, write scores."""
