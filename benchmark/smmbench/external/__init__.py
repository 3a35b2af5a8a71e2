"""Methods whose code stays where its authors put it: called as a command, never imported.

A recipe (TOML) says which repository at which commit, in which environment, with which weights,
how the clip and the request are laid out as files, which commands run and where the video lies.
`recipe` is that file's form; `setup` fetches and installs; `method` makes a `Method` of it.
"""
