"""SQL of leads: lists, imports, pages, callbacks, the order in which they are dialled."""
