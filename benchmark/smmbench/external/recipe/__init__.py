"""Recipes of official code: the TOML schema and how recipes are found."""
