"""Domain-independent HTTP code: problems, responses, bodies, middleware. Uses only Starlette."""
