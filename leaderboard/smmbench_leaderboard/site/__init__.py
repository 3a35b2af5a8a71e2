"""The leaderboard as a static site: a folder of pages that needs no server and no network."""
