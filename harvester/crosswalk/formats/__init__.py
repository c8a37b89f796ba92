"""One module per metadata format, found by being here: each names its roots and its reader in CROSSWALK."""
