"""Tokens of paused streams, kept alive: a token is refreshed only by the page it is spent for, which brings the next."""

from sqlalchemy import Engine

from harvester.harvest.harvest import Report, Request, harvest
from harvester.harvest.progress import Listener, PageEvent


def spend_one(engine: Engine, request: Request) -> Report:
    """Ask for one page of each stream that `request` names, commit it, and pause again.

    For whoever pauses streams, at `Window.spend_by`: `windows.due` tells which. The report's outcome is `interrupted` where
    the list goes on.
    """
    pages: list[PageEvent] = []
    return harvest(engine, request, Listener(on_page=pages.append), lambda: bool(pages))
