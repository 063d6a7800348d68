"""What jobs that run at the same time on one machine share."""
