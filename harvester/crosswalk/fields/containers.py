"""The container in dc:source: a journal's name, its ISSN, and the citation that OJS writes.

Pure. A citation is taken apart only where it has OJS's form; else its words are the container's title.
"""

import re

import msgspec

from harvester.entry import Container

LONGEST = 500  # characters of a citation that is looked at

# OJS: "Journal of Foo; Vol. 3 No. 2 (2010): Special issue; 12-20" and "…; Vol 3, No 2 (2010); 12-20"
_OJS = re.compile(
    r"([^;]{2,300}); (?:Vol|Bd|Tom|Jg)\.? ?([0-9A-Za-z-]{1,10}),? ?(?:(?:No|N[.º°]|Núm|Nr|Issue)\.? ?([0-9A-Za-z/-]{1,12}))?"
    r" ?\([0-9]{4}\)(?:: [^;]{1,200})?(?:; ([0-9A-Za-z]{1,10})(?: ?[-–] ?([0-9A-Za-z]{1,10}))?)?;?",
    re.IGNORECASE,
)


def citation(text: str) -> Container:
    """A Container from a text (one line)."""
    match = _OJS.fullmatch(text) if ";" in text and len(text) <= LONGEST else None
    if not match:
        return Container(text)
    title, volume, issue, first, last = match.groups()
    return Container(title.strip(), (), volume, issue, first, last)


def with_issn(container: Container | None, issn: str) -> Container:
    """The same container, known by one more ISSN."""
    if container is None:
        return Container(None, (issn,))
    if issn in container.issn:
        return container
    return Container(
        container.title, (*container.issn, issn), container.volume, container.issue, container.first_page,
        container.last_page, container.edition, container.number,
    )  # fmt: skip


def without_title(container: Container) -> Container | None:
    """The same container without its title; None where nothing else is known of it."""
    bare = msgspec.structs.replace(container, title=None)
    return None if bare == Container() else bare


def with_part(container: Container | None, part: str, text: str) -> Container:
    """The same container, and one of its texts (`title`, `volume` …); what it has already stays."""
    held = container or Container()
    values = {name: getattr(held, name) for name in Container.__struct_fields__}
    return Container(**(values | {part: values[part] or text}))
