"""A fleet of test hosts on one machine:

See fleet.py for how it is built, `tests/lab/lab --help` for the command.
"""

from lab.fleet import Fleet
from lab.node import Node
from lab.process import Process
from lab.result import LabError, Result

__all__ = ["Fleet", "LabError", "Node", "Process", "Result"]
