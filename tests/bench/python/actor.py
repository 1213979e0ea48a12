# SPDX-License-Identifier: MIT
"""Calls of an object of a manager, by its proxy. Usage: actor.py CALLS"""
import multiprocessing
import multiprocessing.managers
import sys
import time


class Counter:
    def __init__(self):
        self.count = 0

    def add(self, n):
        self.count += n
        return self.count


class Manager(multiprocessing.managers.BaseManager):
    pass


Manager.register("Counter", Counter)


def main():
    multiprocessing.set_start_method("fork")
    calls = int(sys.argv[1])
    with Manager() as manager:
        counter = manager.Counter()
        counter.add(0)
        start = time.perf_counter()
        for _ in range(calls):
            counter.add(1)
        print("rate", calls / (time.perf_counter() - start), "/s")


main()
