"""From scored results to tables, submissions and their verification."""
