"""Which crosswalk reads which root element: by its qualified name, else by its local name and its children.

Never by metadataPrefix: the same prefix means different formats on different servers. Our own crosswalks are the
modules of `formats/`; others register theirs under the entry point group `harvester.crosswalks`.
"""

import copy
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from itertools import islice
from pkgutil import iter_modules
from types import MappingProxyType
from typing import NamedTuple

from lxml import etree

from harvester.crosswalk import formats, unknown
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import text
from harvester.crosswalk.quick import finish
from harvester.crosswalk.reading import Context, Crosswalk, Reading
from harvester.entry import check
from harvester.errors import ConfigError, Rejected

MOST_CHILDREN = 250_000  # of one metadata element; no record that says something has more
_LARGE = 1_000_000  # bytes of canonical XML; a smaller document cannot have too many elements
GROUP = "harvester.crosswalks"

NOTHING_KNOWN = Context()
_log = logging.getLogger(__name__)


class Registry(NamedTuple):
    """Crosswalks by root element, and by local name those that look at the children too."""

    by_root: Mapping[str, Crosswalk]
    by_local_name: Mapping[str, tuple[Crosswalk, ...]]


@lru_cache(maxsize=1)
def registry() -> Registry:
    """All crosswalks there are, read once per process. Raises ConfigError for an entry point that is no Crosswalk."""
    roots: dict[str, Crosswalk] = {}
    names: dict[str, tuple[Crosswalk, ...]] = {}
    for crosswalk in (*_ours(), *_theirs()):
        for root in crosswalk.roots:
            roots[root] = crosswalk  # theirs come last: whoever installs one for a root wants it
        for name in crosswalk.local_names:
            names[name] = (crosswalk, *names.get(name, ()))
    return Registry(MappingProxyType(roots), MappingProxyType(names))


def _ours() -> Iterator[Crosswalk]:
    for module in sorted(each.name for each in iter_modules(formats.__path__)):
        found = getattr(import_module(f"{formats.__name__}.{module}"), "CROSSWALK", None)
        if isinstance(found, Crosswalk):
            yield found


def _theirs() -> Iterator[Crosswalk]:
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        try:
            found = point.load()
        except (Exception, SystemExit) as error:
            raise ConfigError(
                f"the crosswalk {point.name} ({point.value}) cannot be loaded: {type(error).__name__}: {error};"
                " mend or uninstall the package that brings it"
            ) from error
        if not isinstance(found, Crosswalk):
            raise ConfigError(
                f"the crosswalk {point.name} ({point.value}) is no harvester.crosswalk.Crosswalk"
            )
        _log.debug("crosswalk %s from %s", found.name, point.value)
        yield replace(found, ours=False)


def versions() -> dict[str, int]:
    """All crosswalks by name, with their versions."""
    known = registry()
    found = [*known.by_root.values(), *(each for several in known.by_local_name.values() for each in several)]
    return {
        each.name: each.version for each in sorted((*found, unknown.CROSSWALK), key=lambda each: each.name)
    }


def crosswalk_for(metadata: etree._Element) -> Crosswalk:
    """The crosswalk for a root element; the best-effort one where there is none."""
    known = registry()
    if (found := known.by_root.get(metadata.tag)) is not None:
        return found
    if isinstance(metadata.tag, str):
        for crosswalk in known.by_local_name.get(etree.QName(metadata).localname, ()):
            if crosswalk.fits is None or crosswalk.fits(metadata):
                return crosswalk
    return unknown.CROSSWALK


def normalise(
    metadata: etree._Element, context: Context = NOTHING_KNOWN, *, canonical: bytes | None = None
) -> Reading:
    """Read `metadata`, the child of <metadata>, into an Entry.

    `canonical` is its canonical XML without comments, where the caller has that at hand and its parser drops comments and
    instructions: one look at it saves one at each element and value.

    Every element tree gives an Entry, if need be one with problems. Raises Rejected for a tree beyond any sense
    (more than MOST_CHILDREN elements on one level, or more in all than the crosswalk reads in about a second).
    """
    if len(metadata) > MOST_CHILDREN:
        raise Rejected(f"the metadata holds more than {MOST_CHILDREN} elements", reason="too_many_elements")
    clean = canonical is not None and text.is_clean(canonical)
    if canonical is None or (not clean and text.may_have_controls(canonical)):
        metadata = _tidied(metadata)
    crosswalk = unknown.CROSSWALK
    try:
        crosswalk = crosswalk_for(metadata)
        if canonical is None or len(canonical) > _LARGE:
            _refuse_masses(metadata, crosswalk)
        draft = Draft(metadata, context)
        draft.clean = clean
        crosswalk.read(metadata, draft)
        entry = finish(draft)
        if not crosswalk.ours:
            check(entry)
    except Rejected:
        raise
    except Exception as error:  # noqa: BLE001 - a mistake in one crosswalk must cost neither record nor harvest
        draft = _failed(crosswalk, error, Draft(metadata, context))
        crosswalk = unknown.CROSSWALK
        crosswalk.read(metadata, draft)
        entry = finish(draft)
    return Reading(entry, crosswalk.name, crosswalk.version, draft.unread, draft.schema)


def _tidied(metadata: etree._Element) -> etree._Element:
    """The same without comments and instructions, and without control characters in attributes.

    To lxml comments are children that split the text around them; seen inside values in EuroCRIS's samples:
    `…/c_0640<!-- journal -->`. The caller's tree stays as it is.
    """
    has_asides = next(metadata.iter(etree.Comment, etree.ProcessingInstruction), None) is not None
    is_dirty = not all(map(_is_printable, metadata.iter(etree.Element)))
    if not has_asides and not is_dirty:
        return metadata
    tidy = copy.deepcopy(metadata)
    etree.strip_tags(tidy, etree.Comment, etree.ProcessingInstruction)
    for element in tidy.iter(etree.Element) if is_dirty else ():
        for name, value in element.attrib.items():
            element.set(name, text.without_controls(str(value)))
    return tidy


def _is_printable(element: etree._Element) -> bool:
    return all(str(value).isprintable() for value in element.attrib.values())


def _refuse_masses(metadata: etree._Element, crosswalk: Crosswalk) -> None:
    found = sum(1 for _ in islice(metadata.iter(), crosswalk.most_elements + 1))
    if found > crosswalk.most_elements:
        raise Rejected(
            f"the metadata holds more than {crosswalk.most_elements:,} elements, which {crosswalk.name} does not read",
            reason="too_many_elements",
        )


def _failed(crosswalk: Crosswalk, error: Exception, draft: Draft) -> Draft:
    """Say in the entry and in the audit that a crosswalk failed; the log's debug level has the traceback."""
    _log.debug("the crosswalk %s failed", crosswalk.name, exc_info=error)
    draft.note("entry", "crosswalk_failed", f"{crosswalk.name}: {type(error).__name__}: {error}")
    draft.pass_over(f"(the crosswalk {crosswalk.name} failed: {type(error).__name__})")
    return draft
