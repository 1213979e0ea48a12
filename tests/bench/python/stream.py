# SPDX-License-Identifier: MIT
"""Values from producers to consumers, as fast as they go.

Usage: stream.py CHANNEL VALUE COUNT [PRODUCERS CONSUMERS]
"""
import sys
import time

import channels
import values

kind, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
producers, consumers = (int(word) for word in (sys.argv[4:6] or (1, 1)))


def produce(put, share, start):
    value = values.make(name)
    start.wait()
    for _ in range(share):
        put(value)


def consume(get, share, start, end):
    start.wait()
    for _ in range(share):
        get()
    end.wait()


def main():
    put, get = channels.open(kind, values.make(name))
    start = channels.barrier(kind, producers + consumers + 1)
    end = channels.barrier(kind, consumers + 1)
    workers = [channels.worker(kind, produce, put, count // producers, start) for _ in range(producers)]
    workers += [channels.worker(kind, consume, get, count // consumers, start, end) for _ in range(consumers)]
    for worker in workers:
        worker.start()

    start.wait()
    begin = time.perf_counter()
    end.wait()
    seconds = time.perf_counter() - begin

    for worker in workers:
        worker.join()
    print("rate", count / seconds / 1e6, "M/s")
    print("cost", seconds / count * 1e6, "us")
    print("throughput", count * values.size(values.make(name)) / seconds / 1e9, "GB/s")


main()
