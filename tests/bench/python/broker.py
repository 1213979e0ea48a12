# SPDX-License-Identifier: MIT
"""Two workers of a job queue on a Redis server, with redis-py, that say to the server what RQ's SimpleWorker says
for each job: a hash with its data and status, a list of names, a registry of those that were begun. A worker that dies
between two of these steps loses its job.

broker.py tasks N | trip N: as lua/broker.lua
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
        _, name = server.blpop("queue")
        if name == b"end":
            return
        now = time.time()
        pipe = server.pipeline()
        pipe.hset("job:" + name.decode(), mapping={"status": "started", "started_at": now})
        pipe.zadd("started", {name: now + 180})
        pipe.execute()
        function, args = pickle.loads(server.hget("job:" + name.decode(), "data"))
        result = function(*args)
        pipe = server.pipeline()
        pipe.hset("job:" + name.decode(), mapping={"status": "finished", "result": pickle.dumps(result)})
        pipe.expire("job:" + name.decode(), 500)
        pipe.zrem("started", name)
        pipe.rpush("done", name)
        pipe.execute()


def enqueue(server, number, *args):
    pipe = server.pipeline()
    pipe.hset("job:%d" % number, mapping={"status": "queued", "data": pickle.dumps((identity, args))})
    pipe.rpush("queue", number)
    pipe.execute()


def take(server):
    _, name = server.blpop("done")
    return pickle.loads(server.hget("job:" + name.decode(), "result"))


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
            for i in range(count):
                enqueue(server, i, text)
            for _ in range(count):
                take(server)
            print("rate", count / (time.perf_counter() - start), "/s")
        else:
            for i in range(count):
                enqueue(server, i, 1)
                take(server)
            print("time", (time.perf_counter() - start) / count * 1e6, "us")
        for _ in workers:
            server.rpush("queue", b"end")
        for worker in workers:
            worker.join()
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
