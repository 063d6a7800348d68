"""Deep features: backbones, their weights, preprocessing, extraction and fusion."""
