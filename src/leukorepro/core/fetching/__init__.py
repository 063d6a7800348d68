"""Files from the network: what is published where, and how it comes here when a user asks for it."""
