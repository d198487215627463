"""The carriers by code: one small file and one code table each; no I/O."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tracker.carriers import dhl_unified, seur
from tracker.carriers.base import Carrier

CARRIERS: Final[Mapping[str, Carrier]] = MappingProxyType(
    {carrier.code: carrier for carrier in (seur.CARRIER, dhl_unified.CARRIER)}
)
"""Every carrier that can be asked, by the code that settings, tables and files name it with."""
