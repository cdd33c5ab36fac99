"""How numbers are computed: products, convolutions, steps on differences; no genome."""
