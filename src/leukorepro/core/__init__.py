"""The ground floor: how the software fails, stores, describes tables, reads YAML and chooses a device."""
