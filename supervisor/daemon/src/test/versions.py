"""Writes what passed with one version of Ray into the tables of docs/ray-versions.md.

Usage: versions.py REPORTS PAGE VERSION      (the folder of Failsafe's reports)
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

WHAT = {
    "SupervisionIT": "deploys, is shown by Ray's own tools, touches nothing that runs",
    "ModelsIT": "the three models over HTTP: contract, hostile bodies, concurrency",
    "UserClassIT": "a class of one's own, its errors and replies, autoscaling",
    "OwnNodeIT": "a head and a node of the daemon's own",
    "HeadFaultsIT": "faults of the head",
    "ServeFaultsIT": "faults of Serve",
    "LeadershipIT": "two daemons",
    "DoorFaultsIT": "the front door",
    "CredentialsIT": "clusters that require a token, TLS, or both",
    "PythonIT": "Python applications",
    "ScaleToZeroIT": "scale to zero",
    "SecretsIT": "secrets in `env`",
}
# What a cluster may require, and the tests that show how the daemon can be used with it.
PLAIN = {"`run`": ("SupervisionIT", ""), "`--local`": ("OwnNodeIT", ""), "`--join`": ("OwnNodeIT", "")}
METHODS = {"`run`": "nodeOfAnother", "`--local`": "headOfOurOwn", "`--join`": "nodeOfOurOwn"}
REQUIRED = {"nothing": PLAIN} | {
    what: {use: ("CredentialsIT", f"{method}(Mode)[{index}]") for use, method in METHODS.items()}
    for index, what in enumerate(("a token", "TLS", "a token and TLS"), 1)
}


def cases(reports, name, case=""):
    """Returns which tests of a class ran, each with whether it passed."""
    report = reports / f"TEST-ai.seedcore.serve.daemon.cluster.{name}.xml"
    if not report.exists():
        return {}
    return {
        found.get("name"): found.find("failure") is None and found.find("error") is None
        for found in xml.parse(report).getroot().findall("testcase")
        if found.find("skipped") is None and found.get("name").startswith(case)
    }


def result(ran):
    if not ran:
        return "not run"
    failed = sorted({name.split("(")[0] for name, passed in ran.items() if not passed})
    text = f"{sum(ran.values())} of {len(ran)}"
    return text + (f" (not {', '.join(failed)})" if failed else "")


def uses(reports, tests):
    """Returns how the daemon can be used; a version that lacks a mode skips its tests."""
    works = [use for use, (name, case) in tests.items() if (ran := cases(reports, name, case)) and all(ran.values())]
    return ", ".join(works) or "no"


def table(text, mark, version, column):
    """Sets one column of the table that begins with the mark."""
    start = text.index(mark)
    lines = text[start:].splitlines()
    versions = [cell.strip() for cell in lines[0].strip("| ").split("|")][1:]
    rows = {}
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        rows[cells[0]] = dict(zip(versions, cells[1:]))
    if version not in versions:
        versions.append(version)
    written = [mark + " | ".join(versions) + " |", "|---" * (len(versions) + 1) + "|"]
    for row, cell in column.items():
        cells = rows.get(row, {}) | {version: cell}
        written.append("| " + " | ".join([row] + [cells.get(v, "not run") for v in versions]) + " |")
    end = re.search(r"\n(?!\|)", text[start:])
    return text[:start] + "\n".join(written) + (text[start + end.start():] if end else "\n")


def main(reports, page, version):
    text = page.read_text()
    text = table(text, "| what | ", version, {what: result(cases(reports, name)) for name, what in WHAT.items()})
    text = table(text, "| required | ", version, {what: uses(reports, tests) for what, tests in REQUIRED.items()})
    page.write_text(text)
    print("\n".join(line for line in text.splitlines() if line.startswith("|")))


if __name__ == "__main__":
    if sys.argv[1:] == ["--classes"]:
        print(",".join(WHAT))
    else:
        main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3])
