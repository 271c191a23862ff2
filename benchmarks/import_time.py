"""What ``import cardiorisk`` costs where scikit-learn and pandas are loaded already.

Each figure is the median over new processes.

Run: python benchmarks/import_time.py [--repeats 15]
Writes benchmarks/results/import_time.md.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import median

RESULT = Path(__file__).parent / "results" / "import_time.md"
BASE = "import sklearn.ensemble, sklearn.pipeline, sklearn.linear_model, pandas"
LIMIT = 150  # ms
MODULES = (
    *("cardiorisk", "cardiorisk.io", "cardiorisk.datasets", "cardiorisk.features"),
    *("cardiorisk.estimators", "cardiorisk.evaluation", "cardiorisk.explain"),
)


def milliseconds(before: str, statement: str) -> float:
    code = f"import time; {before}; t = time.perf_counter(); {statement}"
    code += "; print(1000 * (time.perf_counter() - t))"
    run = [sys.executable, "-c", code]
    return float(subprocess.run(run, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = range(parser.parse_args().repeats)
    base = median(milliseconds("pass", BASE) for _ in repeats)
    lines = [
        "# Import time",
        "",
        f"scikit-learn and pandas themselves: {base:.0f} ms (`{BASE}`).",
        "",
        "| import | ms on top | share of them |",
        "|---|---|---|",
    ]
    for module in MODULES:
        added = median(milliseconds(BASE, f"import {module}") for _ in repeats)
        lines.append(f"| `{module}` | {added:.0f} | {added / base:.1%} |")
        if module == "cardiorisk":
            verdict = f"`import cardiorisk` adds {added:.0f} ms, limit {LIMIT} ms."
            assert added < LIMIT, verdict
    text = "\n".join([*lines, "", verdict]) + "\n"
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
