"""Put predictions together."""
