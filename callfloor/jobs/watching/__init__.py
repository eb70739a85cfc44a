"""The live floor as one reading finds it, for the API too; and the alerts that come of it."""
