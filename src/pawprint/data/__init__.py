"""Where images and labels come from, without torch."""
