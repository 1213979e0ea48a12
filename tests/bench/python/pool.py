# SPDX-License-Identifier: MIT
"""What a pool of two is given to do; pool.lua says what the modes are.

Usage: pool.py Pool|ProcessPoolExecutor|ThreadPoolExecutor MODE COUNT
"""
import concurrent.futures
import multiprocessing
import sys
import time

kind, mode, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def increment(x):
    return x + 1


def square(x):
    return x * x


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def same(x):
    return x


def open_pool(size=2):
    """The pool, its map with the chunksize (None: its own choice), and its apply."""
    if kind == "Pool":
        pool = multiprocessing.Pool(size)
        return pool, lambda f, items, chunk=None: pool.map(f, items, chunk), lambda f, x: pool.apply(f, (x,))
    pool = getattr(concurrent.futures, kind)(size)
    return (
        pool,
        lambda f, items, chunk=None: list(pool.map(f, items, chunksize=chunk or 1)),
        lambda f, x: pool.submit(f, x).result(),
    )


def seconds_of(f, *arguments):
    begin = time.perf_counter()
    f(*arguments)
    return time.perf_counter() - begin


def up_and_down():
    pool, map_all, _ = open_pool(4)
    with pool:
        map_all(increment, range(4), 1)


def run(map_all, apply_one):
    """The seconds that count, or None where something else was printed."""
    if mode == "map":
        return seconds_of(map_all, increment, range(count), 1)
    if mode == "squares":
        return seconds_of(map_all, square, list(range(count)))
    if mode == "apply":
        return seconds_of(lambda: [apply_one(increment, i) for i in range(count)])
    if mode == "stragglers":
        return seconds_of(map_all, time.sleep, [0.1 if i < count / 8 else 0.001 for i in range(count)])
    if mode == "open":
        return seconds_of(lambda: [up_and_down() for _ in range(count)])
    if mode == "cpu":
        alone = seconds_of(lambda: [fib(23) for _ in range(count)])
        print("speedup", alone / seconds_of(map_all, fib, [23] * count), "times")
    else:
        print("rate", 2 * count / 1024 / seconds_of(map_all, same, ["x" * (1 << 20)] * count), "GB/s")
    return None


def main():
    pool, map_all, apply_one = open_pool()
    with pool:
        map_all(increment, range(4))  # the workers are there
        seconds = run(map_all, apply_one)
    if seconds is not None:
        print("rate", count / seconds / 1e3, "k/s")
        print("time", seconds / count * 1e6, "us")
        print("total", seconds, "s")


main()
