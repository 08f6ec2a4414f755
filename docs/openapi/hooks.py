"""Teaches Schemathesis what JSON Schema cannot say of the built-in deployments' requests.

Timestamps do not decrease, min_replicas is at most max_replicas, "missing": "refuse" wants all
metrics in all points, and with "ignore", points may have anything else, too.
"""

import datetime

import schemathesis

FRACTIONS = {"cpu_usage", "memory_usage", "disk_usage", "error_rate", "cpu_avg", "memory_avg"}


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


def is_value(name, value):
    """Returns whether a metric may have a value."""
    if value is None:
        return True
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return 0 <= value <= 1 if name in FRACTIONS else value >= 0 or name not in ("response_time", "request_rate")


def ignore_the_rest(body, points):
    """Names in "ignore" what is no metric, and leaves one metric."""
    for point in points:
        point.pop("", None)  # No name that could be ignored.
        point["metric"] = 1
    ignored = {name for point in points for name, value in point.items() if not is_value(name, value)}
    body["ignore"] = [name for name in [*body["ignore"], *ignored] if name not in ("metric", "timestamp")]
    if "history" in body:
        for index, point in enumerate(points):
            point["timestamp"] = index
    else:
        body["ignore"].append("timestamp")


@schemathesis.hook
def before_call(context, case, kwargs):
    body = case.body
    if not isinstance(body, dict) or (case.meta and case.meta.generation.mode.is_negative):
        return
    points = body.get("data", body.get("history"))
    if isinstance(points, list) and all(isinstance(point, dict) for point in points):
        if body.get("ignore"):
            ignore_the_rest(body, points)
        elif all("timestamp" in point for point in points):
            points.sort(key=lambda point: seconds(point["timestamp"]))
    if body.get("missing") == "refuse" and isinstance(points, list):
        complete = all(
            point is not None if not isinstance(point, dict) else None not in point.values() and point.keys() == points[0].keys()
            for point in points
        )
        if not complete:
            body["missing"] = "accept"
    if body.get("min_replicas", 0) > body.get("max_replicas", body.get("min_replicas", 0)) >= 1:
        body["min_replicas"] = body["max_replicas"]
