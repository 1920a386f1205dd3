"""HTTP: one thin router per resource."""
