"""Baselines and controls, found as entry points like any other distribution's methods."""
