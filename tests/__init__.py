"""What is promised, executable."""
