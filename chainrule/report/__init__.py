"""The report of a run: one page, with what the training did and what the doctor says."""

from chainrule.report.comparison import write_comparison
from chainrule.report.report import Report
from chainrule.report.writing import write_report

__all__ = ["Report", "write_comparison", "write_report"]
