"""The three forms of weights: varscore's own, the hub's and Keras's."""
