"""What `diswm bench` measures, and the reference form of what it measures."""
