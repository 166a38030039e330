"""How each of Drogue Cloud's dialects uses topics, one module each."""
