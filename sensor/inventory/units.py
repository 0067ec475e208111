"""Sub-assets: what stands behind one address, told apart by unit id, link address, slot or route."""

from sensor.inventory.profile import Profile


def units_of(told: Profile) -> dict[str, Profile]:
    """The profile of each unit behind an asset, by unit; empty where there is only one thing at that address."""
    del told
    return {}
