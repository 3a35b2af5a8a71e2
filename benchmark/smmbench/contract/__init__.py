"""The contract of a method, as laws that can be tried: `smmbench methods check path.py:MyMethod`.

Each law is a small function of a `Trial`, which runs the method on clips of the embedded world and
watches what it leaves behind. One law's failure does not stop the others where they can still run.
"""

from smmbench.contract.checking import Checked, check_method
from smmbench.contract.findings import Finding
from smmbench.contract.laws import LAWS

__all__ = ["LAWS", "Checked", "Finding", "check_method"]
