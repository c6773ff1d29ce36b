"""Where connections may go: what every adapter that reaches addresses of somebody else's choosing stands on (SECURITY §9)."""
