"""The benchmarks of `diswm bench`, and reference implementations of what they measure."""
