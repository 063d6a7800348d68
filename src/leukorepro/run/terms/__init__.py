"""On what terms others have published what a run uses: datasets and weights."""
