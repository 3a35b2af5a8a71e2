"""The contract of a method, as laws that can be tried: `smmbench methods check path.py:MyMethod`.

Each law is a small function of a `Trial`, which runs the method on clips of the embedded world and
watches what it leaves behind. One law's failure does not stop the others where they can still run.
"""

from smmbench.conformance.checking import Checked, check_method
from smmbench.conformance.checks.all_checks import LAWS
from smmbench.conformance.findings import Finding

__all__ = ["LAWS", "Checked", "Finding", "check_method"]
