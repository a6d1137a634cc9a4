"""The network, its file and pretrained weights."""
