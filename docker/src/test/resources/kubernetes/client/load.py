"""Sends requests at a constant rate until standard input ends, then prints what came of them as JSON.

Usage: load.py RATE URL...

Every second request uses a connection of its own; the others share connections that are kept open.
"""
import asyncio
import json
import sys
import time

import aiohttp

RATE = float(sys.argv[1])
URLS = sys.argv[2:]
LIMIT = aiohttp.ClientTimeout(total=60)
HEADERS = {"Content-Type": "application/json"}

sent, failed, worst = 0, [], 0.0


async def request(session, url, headers):
    global worst
    begin = time.monotonic()
    try:
        async with session.post(url, data=b"{}", headers=headers) as response:
            await response.read()
            # An empty object is no valid request of each deployment; that it says so is an answer.
            trouble = "" if response.status in (200, 400, 422) else f"status {response.status}"
    except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as e:
        trouble = repr(e)
    seconds = time.monotonic() - begin
    worst = max(worst, seconds)
    if trouble:
        failed.append(f"{trouble} after {seconds:.1f} s")


async def main():
    global sent
    end = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    tasks = set()
    begin = time.monotonic()
    kept = aiohttp.TCPConnector(limit=0)
    # One that keeps no connection: aiohttp does not reuse those of requests with 'Connection: close'.
    single = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(timeout=LIMIT, connector=kept) as keeps, aiohttp.ClientSession(
        timeout=LIMIT, connector=single
    ) as closes:
        while not end.done():
            session = closes if sent % 2 else keeps
            task = asyncio.create_task(request(session, URLS[sent % len(URLS)], HEADERS))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
            await asyncio.sleep(max(0.0, begin + sent / RATE - time.monotonic()))
        await asyncio.gather(*tasks)
    print(json.dumps({"sent": sent, "failed": len(failed), "worst_s": round(worst, 2), "failures": failed[:5]}))


asyncio.run(main())
