"""A carrier in a process of its own, so that its work is not counted: SEUR's answers, of /<events>/ scans each."""

import asyncio
import json
import re
import sys
from datetime import datetime, timedelta
from zlib import crc32

FIRST = datetime.fromisoformat("2026-11-14T06:00")  # in Madrid, as SEUR writes it
CODES = [
    *("SX010", "SX001", "LI428", "LT859", "LI406", "LI515", "LC001", "LI523", "LI515", "LC003"),
    *("LI406", "LI515", "LC001", "LI523", "LI515", "LC003"),
]
"""A parcel that is moved, tried and moved again; nothing in it opens an incident."""
ASKED = re.compile(rb"GET /(\d+)/pic/\S*[?&]ref=(\w+)")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
TOKEN = json.dumps({"access_token": "a" * 900, "expires_in": 3600}).encode()


def answer(number: str, events: int) -> bytes:
    """The answer about one parcel that was scanned that often, at times of its own."""
    first = FIRST + timedelta(seconds=crc32(number.encode()) % 20000)
    scans = [
        {
            "eventCode": code,
            "description": "SU ENVÍO SE ENCUENTRA EN CAMINO",
            "situationDate": (first + timedelta(hours=6 * place)).isoformat(timespec="milliseconds"),
        }
        for place, code in enumerate(CODES[:events])
    ]
    entry = {
        "refType": "REFERENCE", "ref": number, "shipmentRef": "028111000201420261116", "collectionRef": None,
        "businessUnit": 6, "postalCode": "06001", "cityName": "BADAJOZ", "type": "Exp", "situations": scans,
    }  # fmt: skip
    return json.dumps({"data": [entry]}, ensure_ascii=False).encode()


class Answers(asyncio.Protocol):
    """One connection, kept open for as long as the other side likes."""

    def connection_made(self, transport):
        self.transport, self.waiting = transport, b""

    def data_received(self, data):
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            head = self.waiting[:end]
            length = LENGTH.search(head)
            end += 4 + (int(length[1]) if length else 0)
            if len(self.waiting) < end:
                return
            self.waiting = self.waiting[end:]
            asked = ASKED.match(head)
            body = answer(asked[2].decode(), int(asked[1])) if asked else TOKEN
            self.transport.write(HEAD % len(body) + body)


async def main():
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until whoever started it goes away


if __name__ == "__main__":
    asyncio.run(main())
