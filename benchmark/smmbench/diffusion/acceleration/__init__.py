"""Faster and smaller passes of the same networks: layouts, kernels, graphs and checkpointing."""
