"""'ray' without its commands for Serve, jobs and state: 'ray start' imports them, which takes longer than all else that it
does. Ray itself goes on without each of them where it cannot be imported.
"""
import sys

if sys.path[0] == "":  # 'python -c' looks there first: where we run, anybody may have put a package.
    del sys.path[0]

UNUSED = ("ray.serve.scripts", "ray.dashboard.modules.job.cli", "ray.util.state.state_cli")

sys.argv[0] = "ray"
for module in UNUSED:
    sys.modules[module] = None
try:
    from ray.scripts.scripts import main
except ImportError:  # A Ray that cannot do without them.
    for module in UNUSED:
        del sys.modules[module]
    from ray.scripts.scripts import main
sys.exit(main())
