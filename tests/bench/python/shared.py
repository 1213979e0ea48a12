# SPDX-License-Identifier: MIT
"""Locks and shared memory, as in shared.lua. Usage: shared.py MODE STEPS [thread]

Python has no atomic step: its counter is stepped under the lock that belongs to it.
"""
import multiprocessing
import sys
import threading
import time


def _report(start, count):
    print("time", (time.perf_counter() - start) / count * 1e9, "ns")


def _step_with(lock, value, count):
    for _ in range(count):
        with lock:
            value.value += 1


def _step(value, count):
    for _ in range(count):
        with value.get_lock():
            value.value += 1


def _by_two(f, *arguments):
    start = time.perf_counter()
    workers = [multiprocessing.Process(target=f, args=arguments) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    _report(start, 2 * arguments[-1])


def main():
    multiprocessing.set_start_method("fork")
    mode, steps = sys.argv[1], int(sys.argv[2])
    if mode == "lock":
        lock = threading.Lock() if sys.argv[3:] == ["thread"] else multiprocessing.Lock()
        start = time.perf_counter()
        for _ in range(steps):
            lock.acquire()
            lock.release()
        _report(start, steps)
    elif mode == "contended":
        _by_two(_step_with, multiprocessing.Lock(), multiprocessing.RawValue("q"), steps)
    elif mode == "counter":
        _by_two(_step, multiprocessing.Value("q"), steps)
    elif mode == "element":
        array = multiprocessing.RawArray("d", 1000)
        start = time.perf_counter()
        for i in range(steps):
            array[i % 1000] += 1
        _report(start, steps)
    elif mode == "manager":
        with multiprocessing.Manager() as manager:
            shared = manager.dict({"n": 0})
            start = time.perf_counter()
            for _ in range(steps):
                shared["n"] += 1
            _report(start, steps)
    elif mode == "managed":
        with multiprocessing.Manager() as manager:
            record = manager.dict({"name": "tea", "price": 1.5, "tags": ["green", "hot"]})
            start = time.perf_counter()
            total = 0
            for _ in range(steps):
                total += record["price"]
            _report(start, steps)
    elif mode == "plain-send":
        records = [{"id": i, "name": f"name {i}", "price": i * 1.5} for i in range(100000)]
        queue = multiprocessing.Queue()
        start = time.perf_counter()
        for _ in range(steps):
            queue.put(records)
            queue.get()
        _report(start, steps)


main()
