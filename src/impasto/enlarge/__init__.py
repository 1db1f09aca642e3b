"""Pictures made larger: a small net that the project trained, and what was given taken at its word."""
