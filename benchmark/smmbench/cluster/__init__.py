"""Spread work over a Ray cluster: connection, replaceable workers, verified file transfer."""
