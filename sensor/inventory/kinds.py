"""What type of device an asset is, and what roles it has: profiles and fields in, evidence out."""

from collections.abc import Mapping

from sensor.inventory.model import Field, Kind, Role
from sensor.inventory.profile import Profile


def classify(told: Profile, fields: Mapping[str, Field], profiles: Mapping[str, Profile]) -> tuple[Field, tuple[Role, ...]]:
    """Type and roles of an asset. `profiles` are those of all assets, for what its peers do."""
    del told, fields, profiles
    return Field(Kind.UNKNOWN), ()
