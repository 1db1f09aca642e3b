"""What is wanted of a picture."""
