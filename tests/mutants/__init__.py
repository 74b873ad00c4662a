"""How much of a change to the pure rooms' code the tests notice: cosmic-ray's mutants, our own way to run them."""
