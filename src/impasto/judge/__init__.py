"""How good a painting is: measures with a source in the literature, and a card of them all."""
