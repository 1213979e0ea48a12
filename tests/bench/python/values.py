# SPDX-License-Identifier: MIT
"""What is sent: the same values as in values.lua. Lua's strings are bytes."""


def _record():
    return {
        "id": 1042,
        "customer": "Ada Lovelace",
        "email": "ada@example.org",
        "paid": True,
        "total": 89.88,
        "address": {"street": "12 St James's Square", "city": "London", "zip": "SW1Y 4JH", "country": "GB"},
        "tags": ["new", "gift", "express"],
        "items": [
            {
                "sku": f"SKU-{i:04d}",
                "title": f"Article number {i}",
                "count": i,
                "price": i + 0.99,
                "weight": i / 8,
                "fragile": i % 2 == 0,
            }
            for i in range(1, 13)
        ],
    }


def _doubles(count):
    return [i + 0.5 for i in range(1, count + 1)]


_makers = {
    "integer": lambda: 42,
    "1KiB": lambda: b"x" * 1024,
    "1MiB": lambda: b"x" * (1024 * 1024),
    "64MiB": lambda: b"x" * (64 * 1024 * 1024),
    "record": _record,
    "doubles1e5": lambda: _doubles(100_000),
    "doubles1e6": lambda: _doubles(1_000_000),
}


def make(name):
    return _makers[name]()


def size(value):
    """The bytes of a string; 0 for anything else."""
    return len(value) if isinstance(value, bytes) else 0
