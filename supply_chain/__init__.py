"""What the product is made of: its bill of materials, and what is known to be wrong with that."""
