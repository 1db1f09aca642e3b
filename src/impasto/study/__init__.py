"""Looking at what impasto paints with: the same pictures through several encoders, on a page to share."""
