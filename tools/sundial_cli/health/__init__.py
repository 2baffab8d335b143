"""What `sundial status` looks at: one file an area, each a list of looks."""
