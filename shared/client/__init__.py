"""A typed client of the gateway's HTTP interface."""

from shared.client.client import Client, Selection, open_client
from shared.client.errors import BrokenOff, ClientError, Refused, Stalled, Unreachable
from shared.client.events import Citations, Event, Sources
from shared.client.waiting import ended, wait_for, wait_for_all

__all__ = [
    "BrokenOff",
    "Citations",
    "Client",
    "ClientError",
    "Event",
    "Refused",
    "Selection",
    "Sources",
    "Stalled",
    "Unreachable",
    "ended",
    "open_client",
    "wait_for",
    "wait_for_all",
]
