"""The carrier that is a real Asterisk, driven through its REST interface."""
