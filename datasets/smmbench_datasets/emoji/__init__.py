"""The emoji world: clips with known motion, two fixed sets of them, and models trained on them.

- `world`: renders clips; `sampling` draws what defines them, from `motions`, `scenes`, `layouts`
  and the sprites of `atlas`.
- `truth`: where points of a clip go, which are visible, and which pixels are the object.
- `make`: writes the sets `emoji` and `emoji-val`, which `selection` chooses.
- `models/`: the small text-to-video model and the CLIP; `training` trains them, `judges` holds two
    held-out evaluators that took no part in training.
"""
