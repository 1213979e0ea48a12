# SPDX-License-Identifier: MIT
"""The same as scripts/early_exit.lua, in Python. Usage: early_exit.py [WORKERS [ASK_EVERY]]"""
import multiprocessing
import sys
import time


def _has_no_divisor(n, first, step, most, ask, find, many):
    left = many
    for i in range(first, most + 1, step):
        left -= 1
        if left == 0:
            if ask is not None and ask():
                return False
            left = many
        if n % i == 0:
            if find is not None:
                find()
            return False
    return True


_shared = {}


def _run(kind, n, first, step, most, many):
    flag = _shared[kind]
    if kind == "no flag":
        return _has_no_divisor(n, first, step, most, None, None, many)
    if kind == "Array":
        return _has_no_divisor(n, first, step, most, lambda: flag[0], lambda: flag.__setitem__(0, 1), many)
    return _has_no_divisor(n, first, step, most, lambda: flag.value, lambda: setattr(flag, "value", 1), many)


def main():
    multiprocessing.set_start_method("fork")
    workers = int(sys.argv[1]) if sys.argv[1:] else 2
    every = int(sys.argv[2]) if sys.argv[2:] else 1000
    manager = multiprocessing.Manager()
    _shared.update({
        "no flag": None,
        "manager": manager.Value("b", 0),
        "Value": multiprocessing.RawValue("b", 0),
        "Array": multiprocessing.RawArray("b", 1),
    })
    numbers = {
        "small factor": 1000000000000037 * 3,
        "large factor": 15811391 * 31622713,
        "prime": 1000000000000037,
    }
    with multiprocessing.Pool(workers) as pool:
        for name, n in numbers.items():
            for kind, flag in _shared.items():
                if kind == "Array":
                    flag[0] = 0
                elif flag is not None:
                    flag.value = 0
                start = time.perf_counter()
                calls = [
                    pool.apply_async(_run, (kind, n, 2 * w + 1, 2 * workers, int(n**0.5), every))
                    for w in range(1, workers + 1)
                ]
                is_prime = all([call.get() for call in calls])
                seconds = time.perf_counter() - start
                print(f"{name:13} {kind:8} {seconds * 1000:8.2f} ms  {'prime' if is_prime else 'not prime'}")


main()
