"""Databases of omega|ml 0.18, read without it: ``omega_core.omegaml.import_database(om, url)``."""

from __future__ import annotations

from .importing import import_database
from .report import Outcome, Report

__all__ = ["Outcome", "Report", "import_database"]
