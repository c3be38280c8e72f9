"""A TCP proxy that misbehaves on demand: what the network between two processes may do.

    proxy = Proxy("127.0.0.1", port)      listens at proxy.port, connects to `port`
    proxy.cut(there=True, back=False)     bytes of one direction, or both, wait
    proxy.heal()                          they go on
    proxy.delay(0.05)                     both directions, seconds
    proxy.reset()                         every connection there is

While a direction is cut its bytes are kept, as retransmission would, and new connections
are not made.
"""
import asyncio
import socket
import struct
import threading

CHUNK = 65536


class Proxy:
    def __init__(self, host, port):
        self.target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._open = {"there": None, "back": None}
        self._delay = 0.0
        self._writers = set()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()

    # --- from any thread ---
    def cut(self, there=True, back=True):
        self._call(self._set_cut, there, back)

    def heal(self):
        self._call(self._set_cut, False, False)
        self._call(self._set_delay, 0.0)

    def delay(self, seconds):
        self._call(self._set_delay, seconds)

    def reset(self):
        self._call(self._reset)

    def close(self):
        self._call(self._reset)
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
        for way in self._open:
            self._open[way] = asyncio.Event()
            self._open[way].set()
        server = self._loop.run_until_complete(
            asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()

    def _set_cut(self, there, back):
        for way, is_cut in (("there", there), ("back", back)):
            if is_cut:
                self._open[way].clear()
            else:
                self._open[way].set()

    def _set_delay(self, seconds):
        self._delay = seconds

    def _reset(self):
        for writer in list(self._writers):
            raw = writer.get_extra_info("socket")
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._writers.clear()

    async def _end(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loop.call_soon(self._loop.stop)

    async def _accept(self, reader, writer):
        try:
            await self._carry(reader, writer)
        except asyncio.CancelledError:
            pass  # close()

    async def _carry(self, reader, writer):
        self._writers.add(writer)
        try:
            await self._open["there"].wait()
            await self._open["back"].wait()
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(far_writer)
        await asyncio.gather(self._pump(reader, far_writer, "there"),
                             self._pump(far_reader, writer, "back"))
        for one in (writer, far_writer):
            self._writers.discard(one)
            one.close()

    async def _pump(self, reader, writer, way):
        try:
            while True:
                data = await reader.read(CHUNK)
                if self._delay:
                    await asyncio.sleep(self._delay)
                await self._open[way].wait()
                if not data:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()
        except (OSError, RuntimeError):
            writer.transport.abort()
