# SPDX-License-Identifier: MIT
"""Two workers that pop tasks from a list on a Redis server, as simple queues in Python do, with redis-py.

engine.py tasks N | trip N: as lua/engine.lua; a worker that dies loses its task here.
"""
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import time

import redis


def identity(x):
    return x


def work(path):
    server = redis.Redis(unix_socket_path=path)
    while True:
        _, task = server.brpop("tasks")
        if task == b"end":
            return
        number, function, args = pickle.loads(task)
        server.lpush("results", pickle.dumps((number, function(*args))))


def main(what, count):
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "socket")
    process = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", path, "--dir", folder, "--save", "", "--appendonly", "yes"],
        stdout=subprocess.DEVNULL)
    while not os.path.exists(path):
        time.sleep(0.01)
    server = redis.Redis(unix_socket_path=path)
    workers = [multiprocessing.Process(target=work, args=(path,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    try:
        text = "x" * 100
        start = time.perf_counter()
        if what == "tasks":
            pipe = server.pipeline(transaction=False)
            for i in range(count):
                pipe.lpush("tasks", pickle.dumps((i, identity, (text,))))
                if i % 100 == 99:
                    pipe.execute()
            pipe.execute()
            for _ in range(count):
                pickle.loads(server.brpop("results")[1])
            print("rate", count / (time.perf_counter() - start), "/s")
        else:
            for i in range(count):
                server.lpush("tasks", pickle.dumps((i, identity, (1,))))
                pickle.loads(server.brpop("results")[1])
            print("time", (time.perf_counter() - start) / count * 1e6, "us")
        for _ in workers:
            server.lpush("tasks", b"end")
        for worker in workers:
            worker.join()
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
