"""Submission by pull request: announcements, downloads, and verification without secrets."""
