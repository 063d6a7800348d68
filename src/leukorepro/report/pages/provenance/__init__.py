"""What a run was made of: files, versions, seeds, hardware."""
