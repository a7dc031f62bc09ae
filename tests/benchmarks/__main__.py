"""`python -m tests.benchmarks [NAME ...]`: what is fast, how fast, and beside what, in one run. `--list` names them;
`--small` is a quick try.
"""

import argparse
import importlib
import os
import pkgutil
import platform
import sys

import tests.benchmarks

for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, str(os.cpu_count()))  # tests take one thread each, which tests.conftest would set


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="which; all by default")
    parser.add_argument("--list", action="store_true", help="names of all benchmarks")
    parser.add_argument(
        "--small", action="store_true", help="tenth-size inputs: shows that it runs, says nothing about speed"
    )
    asked = parser.parse_args()
    names = [
        module.name for module in pkgutil.iter_modules(tests.benchmarks.__path__) if not module.name.startswith("_")
    ]
    if asked.list:
        print("\n".join(names))
        return 0
    wrong = [name for name in asked.names if name not in names]
    if wrong:
        print(f"There is no benchmark called {wrong[0]}; there are: {', '.join(names)}.", file=sys.stderr)
        return 2
    os.environ["DATASEL_BENCHMARK_SMALL"] = "1" if asked.small else ""
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name in asked.names or names:
        module = importlib.import_module(f"tests.benchmarks.{name}")
        print(f"\n== {name}: {(module.__doc__ or '').strip().splitlines()[0]}", flush=True)
        module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
