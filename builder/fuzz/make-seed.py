#!/usr/bin/env python3
"""Writes a disk as a seed of the targets `files_*` and `disk_discard`: the number of its sectors, and those that are not zero.

    make-seed.py DISK SEED
"""
import struct
import sys

SECTOR = 512
disk = open(sys.argv[1], "rb").read()
sectors = [disk[at:at + SECTOR] for at in range(0, len(disk), SECTOR)]
seed, number = bytearray(struct.pack("<I", len(sectors))), 0
while number < len(sectors):
    run = []
    while number + len(run) < len(sectors) and len(run) < 256 and any(sectors[number + len(run)]):
        run.append(sectors[number + len(run)])
    if run:
        seed += struct.pack("<IB", number, len(run) - 1) + b"".join(run)
    number += max(len(run), 1)
open(sys.argv[2], "wb").write(seed)
