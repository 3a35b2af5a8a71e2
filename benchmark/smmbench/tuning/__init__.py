"""Tuning: the declared space of every method is searched by one rule with the same budget."""
