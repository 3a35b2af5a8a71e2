"""The generation loop: plan pairs, hand them to an executor, record each outcome."""
