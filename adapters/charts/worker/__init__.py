"""What runs in the process that draws; matplotlib is imported here and nowhere else."""
