"""A simulated centre: the product's own floor on a virtual clock, and agents who work a demo by themselves."""
