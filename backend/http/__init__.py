"""HTTP plumbing that knows no domain: problems, responses, bodies, middleware. Starlette only."""
