"""Documents of every format beyond any sense, in the structure that the format gives to titles and creators."""

from collections.abc import Callable
from typing import NamedTuple

from lxml import etree

OAI_DC = 'xmlns:o="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
HUGE = etree.XMLParser(huge_tree=True)


class Shape(NamedTuple):
    """How a format writes a document; `{}` is the text of a title, of a name and of all creators."""

    crosswalk: str
    frame: str  # {title} and {creators}
    title: str
    creator: str


def _dublin_core(root: str, more: str = "") -> Shape:
    name, _, namespaces = root.partition(" ")
    frame = f"<{name} {namespaces}>{more}{{title}}{{creators}}</{name}>"
    return Shape("", frame, "<dc:title>{}</dc:title>", "<dc:creator>{}, Given</dc:creator>")


_DC = _dublin_core(f"o:dc {OAI_DC}")
_XOAI = '<element name="{name}"><element name="none"><field name="value">{{}}</field></element></element>'
_RDF = (
    '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:s="http://www.w3.org/2000/01/rdf-schema#"'
    ' xmlns:vivo="http://vivoweb.org/ontology/core#" xmlns:vcard="http://www.w3.org/2006/vcard/ns#"'
    ' xmlns:bibo="http://purl.org/ontology/bibo/"><vivo:Dataset r:about="https://figshare.com/articles/x/1">'
    "<bibo:doi>10.6084/m9.figshare.1</bibo:doi>{title}</vivo:Dataset>{creators}</r:RDF>"
)
_AUTHORSHIP = (
    '<vivo:Authorship r:about="https://figshare.com/a/{0}"><vivo:relates><vcard:Individual><vcard:hasName><vcard:Name>'
    "<vcard:givenName>Given</vcard:givenName><vcard:familyName>{0}</vcard:familyName></vcard:Name></vcard:hasName>"
    '</vcard:Individual></vivo:relates><vivo:relates r:resource="https://figshare.com/articles/x/1"/></vivo:Authorship>'
)
_MARC = '<datafield tag="{}" ind1="1" ind2="0"><subfield code="a">{{}}</subfield></datafield>'

SHAPES: dict[str, Shape] = {
    "dc": _DC._replace(crosswalk="dc"),
    "qdc": _dublin_core(
        'q:qualifieddc xmlns:q="http://dspace.org/qualifieddc/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    )._replace(crosswalk="qdc"),
    "uketd_dc": _dublin_core(
        'u:uketddc xmlns:u="http://naca.central.cranfield.ac.uk/ethos-oai/2.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    )._replace(crosswalk="uketd_dc"),
    "datacite": Shape(
        "datacite",
        '<resource xmlns="http://datacite.org/schema/kernel-4"><titles>{title}</titles><creators>{creators}</creators></resource>',
        "<title>{}</title>",
        "<creator><creatorName>{}, Given</creatorName></creator>",
    ),
    "oai_datacite": Shape(
        "oai_datacite",
        '<oai_datacite xmlns="http://schema.datacite.org/oai/oai-1.1/"><payload><resource xmlns="http://datacite.org/schema/kernel-4">'
        "<titles>{title}</titles><creators>{creators}</creators></resource></payload></oai_datacite>",
        "<title>{}</title>",
        "<creator><creatorName>{}, Given</creatorName></creator>",
    ),
    "mods": Shape(
        "mods",
        '<mods xmlns="http://www.loc.gov/mods/v3">{title}{creators}</mods>',
        "<titleInfo><title>{}</title></titleInfo>",
        '<name type="personal"><namePart type="family">{}</namePart><namePart type="given">Given</namePart>'
        '<role><roleTerm type="code">aut</roleTerm></role></name>',
    ),
    "marcxml": Shape(
        "marcxml",
        '<record xmlns="http://www.loc.gov/MARC21/slim">{title}{creators}</record>',
        _MARC.format(245),
        '<datafield tag="700" ind1="1" ind2=" "><subfield code="a">{}, Given</subfield><subfield code="4">aut</subfield></datafield>',
    ),
    "mets": Shape(
        "mets",
        '<mets xmlns="http://www.loc.gov/METS/" '
        + OAI_DC
        + '><dmdSec ID="d1"><mdWrap MDTYPE="DC"><xmlData>{title}{creators}'
        "</xmlData></mdWrap></dmdSec></mets>",
        _DC.title,
        _DC.creator,
    ),
    "cerif": Shape(
        "cerif",
        '<Publication xmlns="https://www.openaire.eu/cerif-profile/1.1/" id="1">{title}<Authors>{creators}</Authors></Publication>',
        '<Title xml:lang="en">{}</Title>',
        "<Author><Person><PersonName><FamilyNames>{}</FamilyNames><FirstNames>Given</FirstNames></PersonName></Person></Author>",
    ),
    "dim": Shape(
        "dim",
        '<d:dim xmlns:d="http://www.dspace.org/xmlns/dspace/dim">{title}{creators}</d:dim>',
        '<d:field mdschema="dc" element="title">{}</d:field>',
        '<d:field mdschema="dc" element="contributor" qualifier="author">{}, Given</d:field>',
    ),
    "xoai": Shape(
        "xoai",
        '<metadata xmlns="http://www.lyncode.com/xoai"><element name="dc">{title}<element name="contributor"><element name="author">'
        '<element name="none">{creators}</element></element></element></element></metadata>',
        _XOAI.format(name="title"),
        '<field name="value">{}, Given</field>',
    ),
    "rdf-vivo": Shape("rdf-vivo", _RDF, "<s:label>{}</s:label>", _AUTHORSHIP),
    "oaire": Shape(
        "oaire",
        '<resource xmlns="http://namespace.openaire.eu/schema/oaire/" xmlns:d="http://datacite.org/schema/kernel-4"><d:titles>{title}'
        "</d:titles><d:creators>{creators}</d:creators></resource>",
        "<d:title>{}</d:title>",
        "<d:creator><d:creatorName>{}, Given</d:creatorName></d:creator>",
    ),
    "jats": Shape(
        "jats",
        '<article xmlns="https://jats.nlm.nih.gov/ns/archiving/1.3/"><front><article-meta>{title}<contrib-group>{creators}'
        "</contrib-group></article-meta></front></article>",
        "<title-group><article-title>{}</article-title></title-group>",
        '<contrib contrib-type="author"><name><surname>{}</surname><given-names>Given</given-names></name></contrib>',
    ),
    "etdms": Shape(
        "etdms",
        '<thesis xmlns="http://www.ndltd.org/standards/metadata/etdms/1.0/">{title}{creators}</thesis>',
        "<title>{}</title>",
        "<creator>{}, Given</creator>",
    ),
    "arXiv": Shape(
        "arXiv",
        '<arXiv xmlns="http://arxiv.org/OAI/arXiv/"><id>0704.0001</id>{title}<authors>{creators}</authors></arXiv>',
        "<title>{}</title>",
        "<author><keyname>{}</keyname><forenames>Given</forenames></author>",
    ),
    "didl": Shape(
        "didl",
        '<DIDL xmlns="urn:mpeg:mpeg21:2002:02-DIDL-NS"><Item><Descriptor><Statement mimeType="application/xml">'
        f"<o:dc {OAI_DC}>{{title}}{{creators}}</o:dc></Statement></Descriptor></Item></DIDL>",
        _DC.title,
        _DC.creator,
    ),
}


def document(
    name: str, title: str = "T", creators: int = 0, family: Callable[[int], str] = "Family{}".format
) -> etree._Element:
    """A document of a format; texts are XML already."""
    shape = SHAPES[name]
    people = "".join(shape.creator.format(family(at)) for at in range(creators))
    written = shape.frame.replace("{title}", shape.title.format(title)).replace("{creators}", people)
    return etree.fromstring(written, HUGE)


def root_of(name: str) -> etree._Element:
    """The root element of a format alone, empty."""
    root = document(name)
    return etree.Element(root.tag, nsmap=root.nsmap)
