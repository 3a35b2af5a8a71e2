"""How well motion fidelity ranks outputs whose true motion is known.

python -m smmbench_research.emoji.validation --output DIR
"""
