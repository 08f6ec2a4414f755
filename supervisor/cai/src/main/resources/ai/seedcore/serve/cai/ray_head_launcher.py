#!/usr/bin/env python3
"""Runs a Ray head as an application: starts it, publishes its address, and restarts it when it ends."""
import os
import sys
import threading

sys.path.insert(0, os.environ.get("SEEDCORE_CAI_HOME", "/home/cdsw"))
import seedcore_cai as cai

RAY = cai.program("ray")
ADDRESS = cai.own_address()
GCS = "%s:%d" % (ADDRESS, cai.GCS_PORT)


def publish_when_up():
    """Publishes the head's address when it accepts connections."""
    def wait():
        while cai.child.poll() is None:
            if cai.accepts(GCS):
                try:
                    cai.publish_head(GCS)
                    cai.say("the head is up at " + GCS)
                    return
                except OSError as error:
                    cai.say("cannot publish the head's address: %s" % error)
            threading.Event().wait(0.3)

    threading.Thread(target=wait, daemon=True).start()


cai.serve_state("head")
cai.remove_published_head()
cai.make_token()
cai.run_forever(
    lambda: cai.run_child(
        [RAY, "start", "--head", "--port", str(cai.GCS_PORT), "--node-ip-address", ADDRESS,
         "--dashboard-host", "0.0.0.0", "--dashboard-port", str(cai.DASHBOARD_PORT),
         "--include-dashboard", "true", "--block"],
        started=publish_when_up))
