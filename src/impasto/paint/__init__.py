"""How it is reached: the descent, the canvas, the painters."""
