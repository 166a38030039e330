"""State in, message out: the parts that screens are made of."""
