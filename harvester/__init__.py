"""harvester: a Postgres catalogue kept in step with OAI-PMH repositories."""

__version__ = "0.1.0"
