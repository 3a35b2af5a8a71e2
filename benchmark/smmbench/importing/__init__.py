"""Outputs that were generated elsewhere, brought into the results tree."""
