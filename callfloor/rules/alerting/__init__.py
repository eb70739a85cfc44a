"""What supervisors are told of the floor: when a rule's condition holds, and when that is told."""
