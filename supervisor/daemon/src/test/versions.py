"""Writes what passed with one version of Ray into the table of docs/ray-versions.md.

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
}
MARK = "| what | "


def result(report):
    if not report.exists():
        return "not run"
    suite = xml.parse(report).getroot()
    cases = suite.findall("testcase")
    failed = [case.get("name").split("(")[0] for case in cases if case.find("failure") is not None or case.find("error") is not None]
    ran = [case for case in cases if case.find("skipped") is None]
    text = f"{len(ran) - len(failed)} of {len(ran)}"
    return text + (f" (not {', '.join(sorted(set(failed)))})" if failed else "")


def main(reports, page, version):
    text = page.read_text()
    table = {}
    start = text.index(MARK)
    lines = text[start:].splitlines()
    versions = [cell.strip() for cell in lines[0].strip("| ").split("|")][1:]
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        table[cells[0]] = dict(zip(versions, cells[1:]))
    if version not in versions:
        versions.append(version)
    for name, what in WHAT.items():
        table.setdefault(what, {})[version] = result(reports / f"TEST-ai.seedcore.serve.daemon.cluster.{name}.xml")
    rows = [MARK + " | ".join(versions) + " |", "|---" * (len(versions) + 1) + "|"]
    rows += ["| " + " | ".join([what] + [table[what].get(v, "not run") for v in versions]) + " |" for what in WHAT.values()]
    end = re.search(r"\n(?!\|)", text[start:])
    rest = text[start + end.start():] if end else "\n"
    page.write_text(text[:start] + "\n".join(rows) + rest)
    print("\n".join(rows))


if __name__ == "__main__":
    if sys.argv[1:] == ["--classes"]:
        print(",".join(WHAT))
    else:
        main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3])
