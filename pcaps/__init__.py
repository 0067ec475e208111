"""Small captures that this project made, and the recipes that made them."""
