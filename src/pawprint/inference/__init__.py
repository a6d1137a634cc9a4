"""Predictions for new images: only the model file is needed."""
