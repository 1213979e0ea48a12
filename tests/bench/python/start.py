# SPDX-License-Identifier: MIT
"""Starts a worker that does nothing and waits for its end, again and again.

Usage: start.py thread|fork|spawn|forkserver COUNT
"""
import sys
import time

import workers


def nothing():
    pass


def main():
    context, count = workers.context(sys.argv[1]), int(sys.argv[2])

    def start_and_join():
        worker = context.Process(target=nothing)
        worker.start()
        worker.join()

    start_and_join()  # the fork server is there
    begin = time.perf_counter()
    for _ in range(count):
        start_and_join()
    seconds = time.perf_counter() - begin
    print("time", seconds / count * 1e6, "us")


# Spawned processes import this file.
if __name__ == "__main__":
    main()
