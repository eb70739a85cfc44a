"""What is a customer's, how it is found in texts and taken out, and how that is certified."""
