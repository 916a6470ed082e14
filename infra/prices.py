"""AWS' list prices of us-east-1, as of November 2026, from memory: UNVERIFIED. Compare before use.

Models' prices are in shared/bedrock/prices.py, by which tenants are billed.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

AS_OF = date(2026, 11, 27)
VERIFIED = False
HOURS = 730
# USD an hour.
HOSTS: Mapping[str, Decimal] = {
    "m5.large": Decimal("0.096"),
    "t3.medium": Decimal("0.0416"),
}
DATABASES: Mapping[str, Decimal] = {
    "db.t4g.micro": Decimal("0.016"),
    "db.m6g.large": Decimal("0.159"),
}
REDIS: Mapping[str, Decimal] = {
    "cache.t4g.micro": Decimal("0.0128"),
    "cache.m7g.large": Decimal("0.1264"),
}
SEARCH: Mapping[str, Decimal] = {
    "t3.small.search": Decimal("0.036"),
    "t3.medium.search": Decimal("0.073"),
    "r6g.large.search": Decimal("0.167"),
}
NAT_HOUR = Decimal("0.045")
ENDPOINT_HOUR = Decimal("0.01")
BALANCER_HOUR = Decimal("0.0225")
BALANCER_UNIT_HOUR = Decimal("0.008")
PUBLIC_ADDRESS_HOUR = Decimal("0.005")
# USD a month.
KEY = Decimal(1)
SECRET = Decimal("0.40")
ALARM = Decimal("0.10")
DASHBOARD = Decimal(3)
CUSTOM_METRIC = Decimal("0.30")
# USD a GiB and month.
DISK = Decimal("0.08")
DATABASE_DISK = Decimal("0.115")
SEARCH_DISK = Decimal("0.122")
SNAPSHOT = Decimal("0.05")
OBJECTS = Decimal("0.023")
TABLE = Decimal("0.25")
# USD a GiB that comes in.
LOGS = Decimal("0.50")
# USD a million.
MESSAGES = Decimal("0.40")
PUBLISHES = Decimal("0.50")
TABLE_WRITES = Decimal("0.625")
TABLE_READS = Decimal("0.125")
PUTS = Decimal(5)
GETS = Decimal("0.40")
