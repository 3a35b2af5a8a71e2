"""Submissions: packing one method's results, and verifying them as a stranger's."""
