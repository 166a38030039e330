"""Runs before main.py at every start of a board: what must be there before anything can fail.

It reserves the memory in which an exception inside an interrupt handler is reported (there is no
allocating there), and lets the collector run early, so that the heap keeps large pieces for TLS.
"""

import gc

import micropython

micropython.alloc_emergency_exception_buf(100)
gc.threshold(16384)  # bytes allocated between two collections; TLS wants 16.7 kB in one piece
