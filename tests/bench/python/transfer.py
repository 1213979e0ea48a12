# SPDX-License-Identifier: MIT
"""One large value at a time: the time from asking a worker for it to having it. Usage: transfer.py CHANNEL VALUE COUNT"""
import multiprocessing
import sys
import time

import channels
import values

kind, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def serve(put, asked):
    value = values.make(name)
    while asked.recv():
        put(value)


def main():
    sample = values.make(name)
    put, get = channels.open(kind, sample)
    asked, ask = multiprocessing.Pipe(duplex=False)
    worker = channels.worker(kind, serve, put, asked)
    worker.start()

    def fetch():
        ask.send(True)
        return get()

    fetch()  # the worker has its value
    begin = time.perf_counter()
    for _ in range(count):
        fetch()
    seconds = time.perf_counter() - begin

    ask.send(False)
    worker.join()
    print("time", seconds / count * 1e3, "ms")
    print("throughput", count * values.size(sample) / seconds / 1e9, "GB/s")


main()
