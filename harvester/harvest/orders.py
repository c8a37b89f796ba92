"""The order of formats of a repository: as configured, else figshare's, else the general one."""

from harvester.catalogue.ledger import Repository
from harvester.config import Settings
from harvester.crosswalk import registry
from harvester.crosswalk.preference import PREFERENCE, preference_for
from harvester.errors import ConfigError


def order_of(settings: Settings, repository: Repository) -> tuple[str, ...]:
    """The crosswalks by which one of an item's formats is chosen. Raises ConfigError for a name that none bears."""
    chosen = known(settings.preference_of(repository.name, repository.base_url), repository.name)
    return preference_for(repository.base_url, chosen)


def known(prefer: tuple[str, ...], of: str) -> tuple[str, ...]:
    """The same order. Raises ConfigError for a name that no crosswalk bears."""
    for name in prefer:
        if name not in registry.versions() and name not in PREFERENCE:
            raise ConfigError(
                f"'prefer' of {of} names '{name}', which no crosswalk is called; there are "
                + ", ".join(sorted(registry.versions()))
            )
    return prefer
