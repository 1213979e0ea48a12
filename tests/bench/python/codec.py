# SPDX-License-Identifier: MIT
"""A value to bytes and back, with pickle, in one interpreter. Usage: codec.py VALUE COUNT"""
import sys
import time
from pickle import dumps, loads

import values

value, count = values.make(sys.argv[1]), int(sys.argv[2])

loads(dumps(value, 5))
begin = time.perf_counter()
for _ in range(count):
    loads(dumps(value, 5))
seconds = time.perf_counter() - begin

print("time", seconds / count * 1e6, "us")
