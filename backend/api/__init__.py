"""HTTP: one thin router a resource."""
