# SPDX-License-Identifier: MIT
"""Tasks of asyncio, as in tasks.lua. Usage: tasks.py sleep|memory|switch COUNT, tasks.py server streams|protocol"""
import asyncio
import gc
import sys
import time


def resident_kib():
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def sleep_together(count):
    return [asyncio.create_task(asyncio.sleep(1)) for _ in range(count)]


async def sleep(count):
    start = time.monotonic()
    await asyncio.gather(*sleep_together(int(count)))
    print("time", time.monotonic() - start, "s")


async def memory(count):
    before = resident_kib()
    tasks = sleep_together(int(count))
    await asyncio.sleep(0.5)
    gc.collect()
    print("memory", (resident_kib() - before) / int(count), "KiB")
    await asyncio.gather(*tasks)


async def give_way(times):
    for _ in range(times):
        await asyncio.sleep(0)


async def switch(count):
    start = time.monotonic()
    await asyncio.gather(*(give_way(int(count) // 10) for _ in range(10)))
    print("time", (time.monotonic() - start) / int(count) * 1e6, "us")


async def echo(reader, writer):
    while text := await reader.read(64):
        writer.write(text)
        await writer.drain()
    writer.close()


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def server(kind):
    if kind == "streams":
        listener = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=1024)
    else:
        listener = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0, backlog=1024)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


modes = {"sleep": sleep, "memory": memory, "switch": switch, "server": server}
asyncio.run(modes[sys.argv[1]](sys.argv[2]))
