"""Submissions: pack the results of one method, and verify them as untrusted data."""
