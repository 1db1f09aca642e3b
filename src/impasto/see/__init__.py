"""How a picture is seen: encoders, their weights, and statistics of what they show."""
