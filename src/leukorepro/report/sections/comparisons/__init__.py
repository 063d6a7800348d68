"""What sets items apart."""
