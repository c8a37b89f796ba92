"""The protocol: requests, bytes to pages, errors, datestamps, tokens. Knows no crosswalk and no database."""
