"""Check a run's configuration and write it out in full; write schemas for editors and stages for DVC."""
