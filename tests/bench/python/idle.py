# SPDX-License-Identifier: MIT
"""The memory of a worker that waits for an event, as in idle.lua. Usage: idle.py thread|fork|spawn|forkserver COUNT"""
import sys

import workers


def private_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def wait_for_the_end(event, ready):
    ready.release()
    event.wait()


def main():
    method, count = sys.argv[1], int(sys.argv[2])
    context = workers.context(method)
    event, ready = context.Event(), context.Semaphore(0)

    def start_worker():
        worker = context.Process(target=wait_for_the_end, args=(event, ready))
        worker.start()
        ready.acquire()
        return worker

    started = [start_worker()]  # what is needed once is there
    before = private_kib("self")
    started += [start_worker() for _ in range(count)]
    if method == "thread":
        total = private_kib("self") - before
    else:
        total = sum(private_kib(worker.pid) for worker in started[1:])
    event.set()
    for worker in started:
        worker.join()
    print("memory", total / count, "KiB")


# Spawned processes import this file.
if __name__ == "__main__":
    main()
