"""One pass over the data: images are read, fingerprinted and shown to the model."""
