"""The bundle: one archive from which a plant without the Internet installs."""
