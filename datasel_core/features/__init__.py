"""What is computed once per sample and kept: embeddings, patterns."""
