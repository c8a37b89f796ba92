"""One module per kind of value. Text in, value or None out; what is not understood is kept as text and noted."""
