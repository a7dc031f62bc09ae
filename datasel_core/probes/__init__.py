"""Small trainings on the kept, measured on the held-out."""
