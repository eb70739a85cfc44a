"""What an audit's entry says, and how a chain of them is checked. No I/O."""
