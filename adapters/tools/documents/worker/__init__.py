"""What runs in the process that reads one document; heavy libraries are imported here and nowhere else."""
