"""Pure decisions: no await, no I/O, no clock and no random source of their own."""
