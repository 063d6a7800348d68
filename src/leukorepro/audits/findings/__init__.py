"""What an audit looks for, one kind of contradiction to a module."""
