"""Joining the board by pull request: announcements, downloads, verification without secrets."""
