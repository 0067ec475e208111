"""The registry of inventories: what other systems take in of the assets, under their names of columns. One file and one row each."""

from sensor.exports.inventory import netbox, servicenow, watchlist
from sensor.exports.inventory.model import Inventory

INVENTORIES: dict[str, Inventory] = {
    inventory.name: inventory for inventory in (netbox.INVENTORY, servicenow.INVENTORY, watchlist.INVENTORY)
}
"""By name."""
