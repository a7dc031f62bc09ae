"""Ways to choose. Each file declares one method; a method is a pure function of arrays."""
