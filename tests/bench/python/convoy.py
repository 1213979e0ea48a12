# SPDX-License-Identifier: MIT
"""scripts/convoy.lua in Python: an echo server beside threads that only compute. Usage: convoy.py SECONDS SPINNERS"""
import multiprocessing
import sys
import threading
import time

THINK = 0.0005


def spin(go_on, report):
    rounds, x = 0, 0
    while go_on.is_set():
        for i in range(10000):
            x += i % 7
        rounds += 1
    report.append(rounds)


def echo(connection):
    try:
        while True:
            connection.send_bytes(connection.recv_bytes())
    except (EOFError, OSError):
        return


def sleep_often(go_on, late):
    while go_on.is_set():
        before = time.perf_counter()
        time.sleep(0.001)
        late.append(time.perf_counter() - before - 0.001)


def ask(connection, duration, answer):
    times = []
    now = time.perf_counter()
    stop = now + duration
    while now < stop:
        connection.send_bytes(b"ping")
        connection.recv_bytes()
        times.append(time.perf_counter() - now)
        time.sleep(THINK)
        now = time.perf_counter()
    times.sort()
    answer.send((len(times), times[(len(times) + 1) // 2 - 1], times[-(-len(times) * 99 // 100) - 1]))


def main():
    seconds, spinners = float(sys.argv[1]), int(sys.argv[2])
    here, there = multiprocessing.Pipe()
    result, answer = multiprocessing.Pipe(duplex=False)
    client = multiprocessing.Process(target=ask, args=(there, seconds, answer))
    client.start()
    there.close()
    go_on, rounds, late = threading.Event(), [], []
    go_on.set()
    workers = [threading.Thread(target=echo, args=(here,)), threading.Thread(target=sleep_often, args=(go_on, late))]
    workers += [threading.Thread(target=spin, args=(go_on, rounds)) for _ in range(spinners)]
    for worker in workers:
        worker.start()
    count, median, p99 = result.recv()
    go_on.clear()
    client.join()
    for worker in workers:
        worker.join()
    print("median", round(median * 1e6, 1), "us")
    print("p99", round(p99 * 1e6, 1), "us")
    print("rate", round(count / seconds, 1), "1/s")
    print("spinning", round(sum(rounds) / seconds, 1), "1/s")
    print("late", round(sum(late) / len(late) * 1e6, 1), "us")


main()
