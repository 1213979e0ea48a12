# SPDX-License-Identifier: MIT
"""A channel as two functions, and what runs at its ends.

Queue, SimpleQueue and Pipe are those of multiprocessing, between forked processes; thread.Queue and thread.SimpleQueue those of
the module queue, between threads, which pass references. Bytes go through a pipe as bytes, without pickle.
"""
import multiprocessing
import queue
import threading

LARGE = 1024 * 1024


def uses_threads(kind):
    return kind.startswith("thread.")


def worker(kind, target, *args):
    make = threading.Thread if uses_threads(kind) else multiprocessing.Process
    return make(target=target, args=args)


def barrier(kind, parties):
    return threading.Barrier(parties) if uses_threads(kind) else multiprocessing.Barrier(parties)


def _pipe(value):
    output, source = multiprocessing.Pipe(duplex=False)
    if isinstance(value, bytes):
        return source.send_bytes, output.recv_bytes
    return source.send, output.recv


def open(kind, value):
    """The function that sends and the one that receives. A bound costs a semaphore, which pays from a MiB on."""
    bound = 8 if isinstance(value, bytes) and len(value) >= LARGE else 0
    if kind == "Pipe":
        return _pipe(value)
    if kind == "Queue":
        channel = multiprocessing.Queue(bound)
    elif kind == "SimpleQueue":
        channel = multiprocessing.SimpleQueue()
    elif kind == "thread.Queue":
        channel = queue.Queue(bound)
    else:
        channel = queue.SimpleQueue()
    return channel.put, channel.get
