"""Installed distributions that do not exist elsewhere."""

from __future__ import annotations

from pathlib import Path


def write_distribution(site: Path, name: str, number: str, code: str = "") -> Path:
    """Write a distribution with one package into a folder of `sys.path`.

    Args:
        site: The folder.
        name: Name of the distribution; that of the package has underscores for hyphens.
        number: Its version.
        code: Content of the package's `__init__.py`.

    Returns:
        Folder of the package.
    """
    module = name.replace("-", "_")
    package, metadata = site / module, site / f"{module}-{number}.dist-info"
    for folder in (package, metadata):
        folder.mkdir(parents=True)
    (package / "__init__.py").write_text(code)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
    (metadata / "top_level.txt").write_text(f"{module}\n")
    (metadata / "RECORD").write_text(f"{module}/__init__.py,,\n")
    return package
