#!/usr/bin/env python3
"""Runs a Ray worker as an application: waits for the head, joins it, and joins again when it moves or restarts.

The address of the head is the argument HOST:PORT, RAY_HEAD_ADDRESS, or what the head's launcher published.
"""
import os
import sys

sys.path.insert(0, os.environ.get("SEEDCORE_CAI_HOME", "/home/cdsw"))
import seedcore_cai as cai

RAY = cai.program("ray")
ARGUMENT = cai.argument()


def join():
    head = cai.wait_for_head(ARGUMENT)
    return cai.run_child(
        [RAY, "start", "--address", head.split()[0], "--node-ip-address", cai.own_address(), "--block"],
        moved=lambda: (cai.find_head(ARGUMENT) or head) != head)


cai.serve_state("worker")
cai.run_forever(join)
