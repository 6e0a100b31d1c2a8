"""How fast, how large: vocoders and peers measured side by side in one run."""
