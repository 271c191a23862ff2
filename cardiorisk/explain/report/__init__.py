"""The report: one self-contained HTML file about a model, its evidence and its reasons."""

from cardiorisk.explain.report.build import Report, build_report
from cardiorisk.explain.report.summary import Outcome, ReportSummary

__all__ = ["Outcome", "Report", "ReportSummary", "build_report"]
