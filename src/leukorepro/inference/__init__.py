"""How a fitted system is used: exported, applied to new images, explained, served."""
