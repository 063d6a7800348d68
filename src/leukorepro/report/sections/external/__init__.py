"""How much of the loss on what is held out is prevalence, and how differently its images are stained."""
