# SPDX-License-Identifier: MIT
"""Threads, and processes by each start method, under one roof."""
import multiprocessing
import threading


class _ThreadContext:
    Process = threading.Thread
    Event = threading.Event
    Semaphore = threading.Semaphore


def context(method):
    """METHOD is thread, fork, spawn or forkserver."""
    return _ThreadContext if method == "thread" else multiprocessing.get_context(method)
