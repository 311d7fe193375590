"""From the integer model to a design, through FINN, compared after each step."""
