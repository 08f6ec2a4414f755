#!/usr/bin/env python3
"""A Ray worker as an application: waits for the head, joins it, joins the next one when it moves or comes back.

The head: the argument HOST:PORT, else RAY_HEAD_ADDRESS, else what the head's own launcher wrote.
"""
import os
import sys

sys.path.insert(0, os.environ.get("SEEDCORE_CAI_HOME", "/home/cdsw"))
import seedcore_cai as cai

RAY = cai.program("ray")
ARGUMENT = cai.argument()


def join():
    head = cai.wait_for_head(ARGUMENT)
    return cai.keep(
        [RAY, "start", "--address", head.split()[0], "--node-ip-address", cai.own_address(), "--block"],
        moved=lambda: (cai.named_head(ARGUMENT) or head) != head)


cai.show("worker")
cai.for_ever(join)
