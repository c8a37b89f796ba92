"""dim: DSpace's flat list of fields, `dim:field` with mdschema, element and qualifier."""

from lxml import etree

from harvester.crosswalk.draft import XML_LANG, Draft
from harvester.crosswalk.formats import dspace_fields
from harvester.crosswalk.formats.dspace_item import NO_LANGUAGE, Item, Value, text_of
from harvester.crosswalk.formats.dspace_people import is_trusted
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import local_name


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from any element whose children are dim:field: dim:dim, or METS's xmlData."""
    item = Item(draft, exact=False)
    if metadata.text and not metadata.text.isspace():
        draft.pass_over(metadata.tag)
    for field in metadata:
        # dim.xsl has no template for other schemas than dc, and XSLT then writes their bare text in between
        if field.tail and not field.tail.isspace():
            draft.pass_over(metadata.tag)
        if not isinstance(field.tag, str):
            continue
        value = _value(field, draft) if local_name(field) == "field" else None
        if value is None:
            draft.leave(field)
        elif value.text:
            dspace_fields.take(item, value)
    dspace_fields.settle(item)


def _value(field: etree._Element, draft: Draft) -> Value | None:
    element, qualifier = field.get("element"), field.get("qualifier")
    if not element:
        return None
    label = f"{field.get('mdschema') or 'dc'}.{element}"
    language = field.get("lang") or field.get("language") or field.get(XML_LANG) or ""
    authority = field.get("authority")
    return Value(
        f"{label}.{qualifier}" if qualifier else label,
        text_of(field, draft),
        field,
        draft.language(None if language in NO_LANGUAGE else language),
        authority if authority and is_trusted(field.get("confidence")) else None,
    )


def has_fields(metadata: etree._Element) -> bool:
    """Whether any child is a field that names its element."""
    return any(local_name(child) == "field" and child.get("element") for child in metadata)


CROSSWALK = Crosswalk(
    "dim",
    1,
    read,
    roots=("{http://www.dspace.org/xmlns/dspace/dim}dim",),
    local_names=("dim",),
    fits=has_fields,
)
