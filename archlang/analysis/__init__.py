"""Counts as data: the cost of a network (`report`), the differences of two (`diff`), and their texts for people."""

from archlang.analysis.diff import Diff, diff
from archlang.analysis.difference import describe
from archlang.analysis.processes import process_costs
from archlang.analysis.report import Report, report
from archlang.analysis.table import table, told_processes

__all__ = ["Diff", "Report", "describe", "diff", "process_costs", "report", "table", "told_processes"]
