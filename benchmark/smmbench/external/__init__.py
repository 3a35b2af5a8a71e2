"""Methods in their authors' own repositories: called as a command, never imported.

A recipe (TOML) describes which repository at which commit, in which environment, with which
weights, how the clip and the request are written to files, which commands run, and where the video
is found. `recipe` is the schema of that file; `setup` fetches and installs; `method` wraps it as a
`Method`.
"""
