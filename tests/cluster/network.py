"""The network between the nodes of a cluster, which misbehaves on demand.

    network = Network(pids)               pids(): {name: its process's id}
    port = network.door("n1", 5122)       what the others are told: n1 listens at 5122
    network.block("n1", "n2")             bytes from n1 to n2 wait; the other way they go on
    network.isolate("n1")                 both ways, with everybody
    network.delay(0.05)                   every pair, both directions, seconds
    network.reset("n1")                   every connection of n1
    network.heal()                        as at first

One connection between two nodes carries both directions, whoever made it; who made it is
told by the kernel's table of sockets.  Bytes that are blocked are kept, as retransmission
would, and a connection that is made meanwhile is taken and hears nothing.
"""
import asyncio
import os
import socket
import struct
import threading

CHUNK = 65536
STRANGER = "?"  # a client, or a process that is gone already


def socket_of(port):
    """The inode of the socket of this machine with that local port and a peer, or None."""
    wanted = f":{port:04X}"
    with open("/proc/net/tcp") as table:
        for line in table:
            words = line.split()
            if words[1].endswith(wanted) and words[9] != "0" and not words[2].endswith(":0000"):
                return words[9]
    return None


def has_socket(pid, inode):
    folder = f"/proc/{pid}/fd"
    try:
        return any(os.readlink(f"{folder}/{fd}") == f"socket:[{inode}]" for fd in os.listdir(folder))
    except OSError:
        return False  # it is gone, or closed one meanwhile


class Way:
    """One direction of a pair of nodes."""

    def __init__(self):
        self.open = asyncio.Event()
        self.open.set()


class Network:
    def __init__(self, pids):
        self._pids = pids
        self._loop = asyncio.new_event_loop()
        self._ways = {}    # (from, to) -> Way
        self._delay = 0.0
        self._links = set()  # (one end's name, the other's, writer)
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()

    # --- from any thread ---
    def door(self, name, target_port):
        """The port at which the node `name` is reached."""
        async def serve():
            server = await asyncio.start_server(
                lambda reader, writer: self._accept(name, target_port, reader, writer),
                "127.0.0.1", 0)
            return server.sockets[0].getsockname()[1]
        return asyncio.run_coroutine_threadsafe(serve(), self._loop).result(5)

    def block(self, source, target):
        self._call(self._set_blocked, {(source, target)}, True)

    def isolate(self, name, outward=True, inward=True):
        others = [other for other in self._pids() if other != name]
        ways = {(name, other) for other in others} if outward else set()
        ways |= {(other, name) for other in others} if inward else set()
        self._call(self._set_blocked, ways, True)

    def delay(self, seconds):
        self._call(self._set_delay, seconds)

    def reset(self, name):
        self._call(self._reset, name)

    def heal(self):
        self._call(self._set_blocked, set(self._ways), False)
        self._call(self._set_delay, 0.0)

    def close(self):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        self._thread.join(5)

    # --- on its loop ---
    def _call(self, function, *arguments):
        done = threading.Event()

        def run():
            function(*arguments)
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait(5)

    def _run(self, started):
        asyncio.set_event_loop(self._loop)
        self._loop.call_soon(started.set)
        self._loop.run_forever()

    def _way(self, source, target):
        return self._ways.setdefault((source, target), Way())

    def _set_blocked(self, ways, blocked):
        for source, target in ways:
            way = self._way(source, target)
            way.open.clear() if blocked else way.open.set()

    def _set_delay(self, seconds):
        self._delay = seconds

    def _reset(self, name):
        for link in [link for link in self._links if name in link[:2]]:
            raw = link[2].get_extra_info("socket")
            if raw is not None and raw.fileno() >= 0:  # else it has ended by itself
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link[2].transport.abort()
            self._links.discard(link)

    async def _end(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loop.call_soon(self._loop.stop)

    def _who_made(self, writer):
        inode = socket_of(writer.get_extra_info("peername")[1])
        for name, pid in self._pids().items():
            if inode is not None and pid is not None and has_socket(pid, inode):
                return name
        return STRANGER

    async def _accept(self, target, target_port, reader, writer):
        try:
            await self._serve(target, target_port, reader, writer)
        except asyncio.CancelledError:
            pass  # close()

    async def _serve(self, target, target_port, reader, writer):
        source = self._who_made(writer)
        near = (source, target, writer)
        self._links.add(near)
        far = None
        try:
            await self._way(source, target).open.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target_port)
            far = (source, target, far_writer)
            self._links.add(far)
            await asyncio.gather(self._pump(reader, far_writer, self._way(source, target)),
                                 self._pump(far_reader, writer, self._way(target, source)))
            far_writer.close()
            writer.close()
        except OSError:
            writer.transport.abort()  # nobody listens there
        finally:
            self._links -= {near, far}

    async def _pump(self, reader, writer, way):
        try:
            while True:
                data = await reader.read(CHUNK)
                if self._delay:
                    await asyncio.sleep(self._delay)
                await way.open.wait()
                if not data:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()
        except (OSError, RuntimeError):
            writer.transport.abort()
