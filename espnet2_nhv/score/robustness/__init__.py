"""What singing asks of a vocoder beyond copying: long notes, other keys, the ends of the range, time and memory."""
