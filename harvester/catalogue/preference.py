"""Which of an item's formats stands for it in search, facets and exports: kept right when the order itself changes.

The pages of a harvest keep it right for their own items (`writer.prefer`).
"""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, func, select, update

from harvester.catalogue import writer
from harvester.catalogue.ledger import Repository
from harvester.catalogue.tables import records, repositories, tallies

_BATCH = 5000  # items


def follow(
    connection: Connection, repository: Repository, order: Sequence[str], tell: Callable[[str], None]
) -> None:
    """Choose anew for all items of a repository if it was last done in another order; nothing to do as a rule.

    Its own transactions; cut anywhere, the next call begins again.
    """
    with connection.begin():
        before = connection.scalar(
            select(repositories.c.preference).where(repositories.c.id == repository.id)
        )
        several = connection.scalar(
            select(func.count()).where(tallies.c.repository_id == repository.id, tallies.c.set_id == 0)
        )
    if before == list(order):
        return
    if (several or 0) > 1:
        tell(
            f"the order of formats for {repository.name} has changed: choosing anew which one stands for each item"
        )
        _choose(connection, repository, order)
    keep(connection, {repository.id: order})


def keep(connection: Connection, orders: Mapping[int, Sequence[str]]) -> None:
    """Note by which order the formats of each repository's items were chosen."""
    with connection.begin():
        for number, order in orders.items():
            connection.execute(
                update(repositories).where(repositories.c.id == number).values(preference=list(order))
            )


def _choose(connection: Connection, repository: Repository, order: Sequence[str]) -> None:
    last = b""
    items = (
        select(records.c.item_key)
        .where(records.c.repository_id == repository.id)
        .group_by(records.c.item_key)
        .having(func.count() > 1)
        .order_by(records.c.item_key)
        .limit(_BATCH)
    )
    while True:
        with connection.begin():
            keys = list(connection.scalars(items.where(records.c.item_key > last)))
            writer.prefer(connection, repository.id, keys, order)
        if len(keys) < _BATCH:
            return
        last = keys[-1]
