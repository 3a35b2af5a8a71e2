"""What the project page shows: its clips, target prompts and methods."""

from __future__ import annotations

ADDRESS = "https://diffusion-motion-transfer.github.io/sm/assets"

# Edits by clip: for each, the file name on the page and the prompt below it.
RESULTS: dict[str, dict[str, str]] = {
    "airplane": {
        "car": "A car driving on a road",
        "bus": "A bus driving on a road",
    },
    "bear": {
        "camel": "A camel walking on icy rocks in antarctica",
        "elephant": "An elephant walking on the rocks",
    },
    "car-turn": {
        "bike": "A bike driving in a snowy forest",
        "train": "A train riding on rails in autumn view",
    },
    "chick": {
        "flamingo": "A flamingo walking in a field",
        "goose": "A goose walking in a field",
    },
    "cute_kittens": {
        "monkeys": "Monkeys playing with coconuts",
        "rabbits": "Rabbits playing with easter eggs",
    },
    "dog": {
        "lion": "A lion sitting in a forest",
        "dragon": "A dragon sitting in a floral forest",
    },
    "dog_jump": {
        "horse": "A horse jumping into a river",
        "dolphin": "A dolphin jumping into the ocean",
    },
    "elephant": {
        "camel": "A camel crossing a road in a savannah",
        "giraffe": "A giraffe crossing a road in a savannah",
    },
    "frisbee_dog": {
        "bear": "A bear catching a frisbee in the field",
        "cat": "A cat catching a frisbee in the field",
    },
    "libby": {
        "cat": "A cat running in the cosmos",
        "horse": "A horse running near a fence",
    },
    "locomotive": {
        "airplane": "An airplane driving in a forest",
        "motorbike": "A motorbike driving in a forest",
    },
    "rubber_duck": {
        "duck": "A duck swimming in a pond",
        "penguin": "A penguin swimming in outer space",
    },
}

# The comparison has one prompt per clip; its files are named by method, the edit by its subject.
COMPARISONS: dict[str, dict[str, str]] = {
    "airplane": {"motorbike": "A motorbike driving in a scenic desert"},
    "bus": {"car": "A car driving in a city"},
    "camel": {"giraffe": "A giraffe walking in the zoo"},
}

# Clips that the page shows with fewer frames than the others, as in all outputs for them.
FEWER_FRAMES = {"dog_jump": 16, "elephant": 14}

# For each method: name of its file in a comparison, title, paper.
METHODS: dict[str, tuple[str, str, str]] = {
    "smm-published": (
        "ours",
        "SMM (published outputs)",
        "Yatim et al., CVPR 2024, arXiv:2311.17009",
    ),
    "tokenflow": (
        "tokenflow",
        "TokenFlow (outputs published by the SMM authors)",
        "Geyer et al., ICLR 2024, arXiv:2307.10373",
    ),
    "gen-1": (
        "gen_1",
        "Gen-1 (outputs published by the SMM authors)",
        "Esser et al., ICCV 2023, arXiv:2302.03011",
    ),
    "tune-a-video": (
        "tune-a-video",
        "Tune-A-Video (outputs published by the SMM authors)",
        "Wu et al., ICCV 2023, arXiv:2212.11565",
    ),
    "control-a-video": (
        "control_a_video",
        "Control-A-Video (outputs published by the SMM authors)",
        "Chen et al., 2023, arXiv:2305.13840",
    ),
}
