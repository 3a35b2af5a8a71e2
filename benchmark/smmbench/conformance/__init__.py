"""Conformance checks of a method: `smmbench methods check path.py:MyMethod`.

Each check is a small function of a `Trial`, which runs the method on clips of the embedded world
and observes its side effects. If one check fails, the others still run where possible.
"""

from smmbench.conformance.checking import Checked, check_method
from smmbench.conformance.checks.all_checks import CHECKS
from smmbench.conformance.findings import Finding

__all__ = ["CHECKS", "Checked", "Finding", "check_method"]
