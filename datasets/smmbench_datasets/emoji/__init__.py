"""The emoji world: clips whose motion is known, two fixed sets of them, and models trained on them.

- `world`: renders clips; `sampling` draws what fixes them, from `motions`, `scenes`, `layouts`
  and the sprites of `atlas`.
- `truth`: where points of a clip go, what is seen, and which pixels are the object.
- `make`: writes the sets `emoji` and `emoji-val`, which `selection` chooses.
- `models/`: the small text-to-video model and the CLIP; `training` makes them, `judges` holds two
  witnesses that they never met.
"""
