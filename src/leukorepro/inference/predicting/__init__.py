"""What a model says of images: of one, of many thousands, of patients."""
