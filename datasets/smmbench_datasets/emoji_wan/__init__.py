"""The world `emoji-wan`: 17 frames, graded edits, and models in the layout of Wan 2.1."""
