"""Client of Merganser's coordinator: submit campaigns, follow them, take their scores.

The messages of the contract are in merganser.v1.
"""

from merganser.campaign_file import load_campaign
from merganser.client import Client, Export, has_ended
from merganser.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    MerganserError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from merganser.scores import Archive

__all__ = [
    "AlreadyExists",
    "Archive",
    "Client",
    "Export",
    "FailedPrecondition",
    "InvalidArgument",
    "MerganserError",
    "NotFound",
    "Unauthenticated",
    "Unavailable",
    "has_ended",
    "load_campaign",
]
