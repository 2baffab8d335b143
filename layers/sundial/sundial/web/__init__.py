"""HTTP as API Gateway has it, and what a browser is given: pages, cookies, sealed state."""
