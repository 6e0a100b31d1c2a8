"""NHV: its generator, its stream, and the parts they are made of."""
