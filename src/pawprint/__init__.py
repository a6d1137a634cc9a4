"""Reproducible transfer learning for images, orchestrated with DVC."""
