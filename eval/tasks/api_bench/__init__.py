"""API-Bench (Gorilla): which API of a hub answers a request, by the authors' AST sub-tree match."""
