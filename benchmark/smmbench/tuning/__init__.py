"""Tuning: every method's declared space searched by one rule, with the same budget."""
