"""The diffusion core: text-to-video backbones, inversion, sampling, and access to features."""
