"""Attacks on the board, and how well marks distinguish them from outputs of real methods.

python -m smmbench_research.emoji.gaming measure results/ --output rows.jsonl.gz
python -m smmbench_research.emoji.gaming tables rows.jsonl.gz
python -m smmbench_research.emoji.gaming adapt results/ --output adaptive.jsonl.gz
"""
