"""What a model says of new images: needs the model file alone."""
