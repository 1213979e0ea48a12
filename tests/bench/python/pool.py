# SPDX-License-Identifier: MIT
"""Tasks that do next to nothing, in a pool of two: all at once, or one after the other.

Usage: pool.py Pool|ProcessPoolExecutor|ThreadPoolExecutor map|apply COUNT
"""
import concurrent.futures
import multiprocessing
import sys
import time

kind, mode, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def increment(x):
    return x + 1


def open_pool():
    """The pool, its map and its apply."""
    if kind == "Pool":
        pool = multiprocessing.Pool(2)
        return pool, lambda items: pool.map(increment, items, chunksize=1), lambda x: pool.apply(increment, (x,))
    pool = getattr(concurrent.futures, kind)(2)
    return pool, lambda items: list(pool.map(increment, items)), lambda x: pool.submit(increment, x).result()


def main():
    pool, map_all, apply_one = open_pool()
    with pool:
        map_all(range(4))  # the workers are there
        begin = time.perf_counter()
        if mode == "map":
            map_all(range(count))
        else:
            for i in range(count):
                apply_one(i)
        seconds = time.perf_counter() - begin
    print("rate", count / seconds / 1e3, "k/s")
    print("time", seconds / count * 1e6, "us")


main()
