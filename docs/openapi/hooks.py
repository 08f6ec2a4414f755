"""Teaches Schemathesis what JSON Schema cannot say of the built-in deployments' requests.

Timestamps do not decrease, min_replicas is at most max_replicas, and whether "ignore" leaves a
metric, and "missing": "refuse" a point, depends on the names of the metrics in all points.
"""

import datetime

import schemathesis


def seconds(timestamp):
    """Returns the Unix time of a timestamp, in seconds, as docs/models.md defines it."""
    if isinstance(timestamp, str):
        text = timestamp.upper().replace("Z", "+00:00")
        leap = text[17:19] == "60"
        text = text[:17] + "59" + text[19:] if leap else text
        return datetime.datetime.fromisoformat(text).timestamp() + leap
    for _ in range(3):
        timestamp = timestamp / 1000 if abs(timestamp) >= 1e11 else timestamp
    return timestamp


@schemathesis.hook
def before_call(context, case, kwargs):
    body = case.body
    if not isinstance(body, dict):
        return
    points = body.get("data", body.get("history"))
    if isinstance(points, list) and all(isinstance(point, dict) for point in points):
        try:
            points.sort(key=lambda point: seconds(point["timestamp"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            pass  # It has no timestamps, or invalid ones.
        if isinstance(body.get("ignore"), list):
            names = [name for point in points for name in point]
            body["ignore"] = [name for name in body["ignore"] if name not in names]
    if body.get("missing") == "refuse":
        body["missing"] = "accept"
    least, most = body.get("min_replicas"), body.get("max_replicas")
    if isinstance(least, (int, float)) and isinstance(most, (int, float)) and least > most >= 1:
        body["min_replicas"] = most
