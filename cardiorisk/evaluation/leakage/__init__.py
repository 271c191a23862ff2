"""Guards against knowing the test rows before the test."""

from cardiorisk.evaluation.leakage.check import check_leakage
from cardiorisk.evaluation.leakage.finding import Finding, LeakageReport

__all__ = ["Finding", "LeakageReport", "check_leakage"]
