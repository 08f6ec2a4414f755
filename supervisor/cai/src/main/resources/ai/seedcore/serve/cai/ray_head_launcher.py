#!/usr/bin/env python3
"""A Ray head as an application: starts it, tells the workers where it is, starts it anew when it ends."""
import os
import sys
import threading

sys.path.insert(0, os.environ.get("SEEDCORE_CAI_HOME", "/home/cdsw"))
import seedcore_cai as cai

RAY = cai.program("ray")
ADDRESS = cai.own_address()
GCS = "%s:%d" % (ADDRESS, cai.GCS_PORT)


def tell():
    """The workers are told once the head accepts them."""
    def wait():
        while cai.child.poll() is None:
            if cai.accepts(GCS):
                try:
                    cai.publish_head(GCS)
                    cai.say("the head is up at " + GCS)
                    return
                except OSError as trouble:
                    cai.say("the head cannot be named to the workers: %s" % trouble)
            threading.Event().wait(0.3)

    threading.Thread(target=wait, daemon=True).start()


cai.show("head")
cai.forget_head()
cai.for_ever(
    lambda: cai.keep(
        [RAY, "start", "--head", "--port", str(cai.GCS_PORT), "--node-ip-address", ADDRESS,
         "--dashboard-host", "0.0.0.0", "--dashboard-port", str(cai.DASHBOARD_PORT),
         "--include-dashboard", "true", "--block"],
        started=tell))
