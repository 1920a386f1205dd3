"""What `diswm bench` measures, and the plain form of what it measures."""
