"""Read the reports of Vivado HLS, Vitis HLS and Vivado, 2018.2 to 2025, into ``ResourceReport``.

What kind of report a file is, is told from its text, never from its name. A field that is absent is ``None``; a file that is
cut off, damaged, inconsistent or of another kind is a ``ReportError`` with its name.
"""

from l1ad.vendor.parsers.folder import combine, merge, parse_folder, read_parts
from l1ad.vendor.parsers.kinds import parse_report

__all__ = ["combine", "merge", "parse_folder", "parse_report", "read_parts"]
