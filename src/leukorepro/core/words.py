"""Words that are used everywhere with one meaning, as types; quick to import."""

from __future__ import annotations

from typing import Literal

LARGEST_SEED = 2**32 - 1
"""What every library's generator takes."""

MOST_SEEDS = 100
"""How often a run may draw."""

Budget = Literal["demo", "published"]
"""How much is computed. `published`: the paper's, and ours where it is silent; `demo`: less, and labelled so."""

Look = Literal["allidb", "allidb1", "allidb2", "cnmc2019", "bone_marrow"]
"""What simulated images look like."""

LOOK_CLASSES: dict[Look, tuple[str, ...]] = {
    "allidb": ("all", "healthy"),
    "allidb1": ("all", "healthy"),
    "allidb2": ("all", "healthy"),
    "cnmc2019": ("all", "hem"),
    "bone_marrow": ("L1", "L2", "M2", "M3", "M5"),
}
"""Classes of simulated images; FAB sub-types of acute leukaemia in the bone marrow."""

Device = Literal["auto", "cpu", "cuda"]
"""Where networks and autoencoders are computed; `auto` takes a GPU where there is one, and says so."""

Engine = Literal["auto", "openvino", "torch"]
"""What computes networks."""

Precision = Literal["float32", "mixed"]
"""Of a network's numbers; `mixed`: half precision on a GPU, and bfloat16 on a CPU that supports it."""

Preprocessing = Literal["torch", "tf", "caffe", "per_image"]
"""How pixel values are scaled for a network: ImageNet's mean and deviation; -1 to 1; blue-green-red from 0 to 255 less
their means; or each image to mean 0 and deviation 1."""

Normalisation = Literal["grey", "reinhard", "macenko"]
"""How colours of an image are made those of a reference; `leukorepro.features.normalisation` says more."""

COLOUR = "colour"
"""Key of the table that a run adds to a study: its headline on images whose colours were normalised."""

NORMALISATIONS: dict[Normalisation, str] = {"grey": "grey", "reinhard": "Reinhard", "macenko": "Macenko"}
"""What each is called."""

Centering = Literal["channel", "image"]
"""What the mean is of that is subtracted from images: each of their channels, or each pixel of each channel."""

Architecture = Literal[
    "resnet50_70",
    "vgg16_70",
    "ten_convolutions",
    "two_convolutions",
    "code_channels",
    "code_sequence",
]
"""Networks that are trained from random weights; `leukorepro.systems.networks` builds them."""

ARCHITECTURES: dict[Architecture, str] = {
    "resnet50_70": "ResNet-50",
    "vgg16_70": "VGG-16",
    "ten_convolutions": "ten convolutions",
    "two_convolutions": "two convolutions",
    "code_channels": "one-dimensional convolutions on the code as channels",
    "code_sequence": "one-dimensional convolutions on the code as a sequence",
}
"""What each is."""

Augment = Literal["all", "training"]
"""Which images have views beside the original."""

Average = Literal["positive", "macro"]
"""With two classes, whose precision, recall and F1: the positive one's, or the mean over both."""

ScoreKind = Literal["probability", "log_odds", "margin"]
"""What a classifier's scores are: probabilities of the classes; the logarithms of their odds (of several classes, of
their probabilities up to a constant); or margins, whose size means nothing beyond one fitted model."""

Control = Literal["shuffled_labels", "subject_identity", "cell_size", "mean_colour"]
"""Experiments beside a study's own that show what its numbers are worth: its classifier on labels dealt out at random,
a classifier that is to name the subject instead of the class, and classifiers that see nothing but how large the cell
is, or what colour it has on average."""

CELL_CONTROLS: tuple[Control, ...] = ("cell_size", "mean_colour")
"""Those that see one measure of the cell; they need no features of a study's own, and every run has them."""
