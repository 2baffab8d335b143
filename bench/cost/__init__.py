"""What Sundial costs to run: measured calls, times and sizes, at the prices of bench/cost/prices.json."""
