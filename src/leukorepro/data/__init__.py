"""Datasets: image files, manifests, views, splits and simulated smears."""
