"""What Latchkey says about itself: logs and metrics, free of secrets and of content."""
