"""Files to tensors and back, and what is done to pictures as pictures."""
