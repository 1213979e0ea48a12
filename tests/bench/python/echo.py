# SPDX-License-Identifier: MIT
"""Round trips of a small integer to a worker and back, awake or asleep, as in echo.lua.

Usage: echo.py CHANNEL awake|asleep COUNT
"""
import statistics
import sys
import time

import channels

kind, mode, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def answer(get, put):
    while True:
        value = get()
        put(value)
        if value == 0:
            return


def time_awake(echo):
    begin = time.perf_counter()
    for i in range(1, count + 1):
        echo(i)
    return (time.perf_counter() - begin) / count


def time_asleep(echo):
    times = []
    for i in range(1, count + 1):
        time.sleep(0.001)
        begin = time.perf_counter()
        echo(i)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main():
    put_request, get_request = channels.open(kind, 0)
    put_answer, get_answer = channels.open(kind, 0)
    worker = channels.worker(kind, answer, get_request, put_answer)
    worker.start()

    def echo(value):
        put_request(value)
        return get_answer()

    for i in range(1, min(count, 100) + 1):
        echo(i)
    seconds = time_awake(echo) if mode == "awake" else time_asleep(echo)
    echo(0)
    worker.join()
    print("time", seconds * 1e6, "us")


main()
