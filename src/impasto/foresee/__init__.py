"""What a painting will take on this machine, told before it is begun."""
