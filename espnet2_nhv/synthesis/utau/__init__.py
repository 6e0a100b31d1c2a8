"""A resampler for UTAU and OpenUtau: what they ask for, how it is sung, and a server that does so for many notes."""
