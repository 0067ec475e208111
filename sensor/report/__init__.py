"""What is known as one page to read, print and send on."""

from sensor.report.page import report
from sensor.report.write import write_report

__all__ = ["report", "write_report"]
