"""The generation loop: plan pairs, pass them to an executor, record each outcome."""
