"""What people see, built once for every platform: pure functions that make Views."""
