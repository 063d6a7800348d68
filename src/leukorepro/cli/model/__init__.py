"""Take fitted systems out of a run as models, and judge them on images of others."""
