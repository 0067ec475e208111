"""Inventory: from endpoints and facts to assets."""
