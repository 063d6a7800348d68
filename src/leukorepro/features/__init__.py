"""Features of images: backbones, their weights, preprocessing, extraction, descriptors and fusion."""

import os

# timm brings the Hugging Face hub's library, which reads this when it is imported: nothing is told to anyone.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
