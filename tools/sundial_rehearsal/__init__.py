"""The rehearsal behind `make rehearse`: `sam build` and `sam deploy` unchanged, MiniStack in the place of AWS."""
