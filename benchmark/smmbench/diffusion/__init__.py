"""The diffusion core: a text-to-video backbone, its inversion and sampling, and a look inside."""
