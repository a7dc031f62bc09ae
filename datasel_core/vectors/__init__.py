"""Directions, neighbours and k-means. The only user of faiss."""
