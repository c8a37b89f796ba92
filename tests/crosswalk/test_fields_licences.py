"""Licences become SPDX identifiers only where that is certain; access rights and statements are no licences."""

import pytest

from harvester.crosswalk.fields import licences
from harvester.entry import Problem

CC = "https://creativecommons.org"
OSI = "https://opensource.org"
GNU = "https://www.gnu.org"
OGL = "http://www.nationalarchives.gov.uk/doc/open-government-licence"


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        (f"{CC}/licenses/by/4.0/", "CC-BY-4.0"),
        ("http://creativecommons.org/licenses/by-nc-nd/3.0/", "CC-BY-NC-ND-3.0"),
        ("http://www.creativecommons.org/licences/by/2.5", "CC-BY-2.5"),
        ("creativecommons.org/licenses/by/4.0", "CC-BY-4.0"),
        (f"{CC}/licenses/by/4.0/legalcode", "CC-BY-4.0"),
        (f"{CC}/licenses/by/4.0/deed.de", "CC-BY-4.0"),
        (f"{CC}/licenses/by-nc-nd/3.0/de/deed.en", "CC-BY-NC-ND-3.0-DE"),
        (f"{CC}/licenses/by/3.0/us/", "CC-BY-3.0-US"),
        (f"{CC}/licenses/by/3.0/igo/", "CC-BY-3.0-IGO"),
        (f"{CC}/licenses/by-nc-sa/2.0/uk/", "CC-BY-NC-SA-2.0-UK"),
        (f"{CC}/licenses/by-nd-nc/1.0/", "CC-BY-NC-ND-1.0"),
        (f"{CC}/publicdomain/zero/1.0/", "CC0-1.0"),
        (f"{CC}/publicdomain/mark/1.0/", "CC-PDM-1.0"),
        (f"{CC}/licenses/publicdomain/", "CC-PDDC"),
        (f"Open, see {CC}/licenses/by-sa/3.0/ for more", "CC-BY-SA-3.0"),
        (f"{OSI}/licenses/MIT", "MIT"),
        ("http://www.opensource.org/licenses/mit-license.php", "MIT"),
        (f"{OSI}/license/mit/", "MIT"),
        (f"{OSI}/license/bsd-3-clause", "BSD-3-Clause"),
        (f"{OSI}/licenses/AGPL-3.0", "AGPL-3.0-only"),
        (f"{OSI}/license/gpl-3-0/", "GPL-3.0-only"),
        (f"{OSI}/licenses/EUPL-1.2", "EUPL-1.2"),
        (f"{GNU}/licenses/gpl-3.0.html", "GPL-3.0-only"),
        (f"{GNU}/licenses/gpl-3.0.en.html", "GPL-3.0-only"),
        (f"{GNU}/licenses/old-licenses/gpl-2.0.html", "GPL-2.0-only"),
        (f"{GNU}/licenses/lgpl-2.1.html", "LGPL-2.1-only"),
        (f"{GNU}/licenses/agpl-3.0.html", "AGPL-3.0-only"),
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://spdx.org/licenses/EUPL-1.2.html", "EUPL-1.2"),
        ("https://spdx.org/licenses/CC0-1.0", "CC0-1.0"),
        ("https://spdx.org/licenses/GPL-3.0", "GPL-3.0-only"),
        ("https://opendatacommons.org/licenses/by/1-0/", "ODC-By-1.0"),
        ("http://opendatacommons.org/licenses/odbl/1.0/", "ODbL-1.0"),
        ("https://opendatacommons.org/licenses/pddl/1-0/", "PDDL-1.0"),
        (f"{OGL}/version/3/", "OGL-UK-3.0"),
        (f"{OGL}/version/2/", "OGL-UK-2.0"),
        (
            "https://www.etalab.gouv.fr/wp-content/uploads/2017/04/ETALAB-Licence-Ouverte-v2.0.pdf",
            "etalab-2.0",
        ),
        ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/", "LicenseRef-arXiv-nonexclusive-distrib-1.0"),
        ("EUPL-1.2", "EUPL-1.2"),
        ("cc-by-4.0", "CC-BY-4.0"),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("CC BY 4", "CC-BY-4.0"),
        ("CC-BY-NC-SA-3.0", "CC-BY-NC-SA-3.0"),
        ("CC BY-NC-SA 3.0 IGO", "CC-BY-NC-SA-3.0-IGO"),
        ("CC BY-SA 3.0 DE", "CC-BY-SA-3.0-DE"),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("Creative Commons Attribution 4.0 International Public License", "CC-BY-4.0"),
        ("Attribution 4.0 International (CC BY 4.0)", "CC-BY-4.0"),
        ("Attribution 3.0 United States", "CC-BY-3.0-US"),
        ("Attribution-NonCommercial-NoDerivatives 4.0 International", "CC-BY-NC-ND-4.0"),
        ("Atribución-NoComercial-SinDerivadas 4.0 Internacional", "CC-BY-NC-ND-4.0"),
        (
            "This work is licensed under a Creative Commons Attribution 4.0 International License.",
            "CC-BY-4.0",
        ),
        ("CC0", "CC0-1.0"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("CC0 Waiver", "CC0-1.0"),
        ("Public Domain Mark 1.0", "CC-PDM-1.0"),
        ("MIT License", "MIT"),
        ("GPL 3.0+", "GPL-3.0-or-later"),
        ("GNU GPL v3", "GPL-3.0-only"),
        ("Apache 2.0", "Apache-2.0"),
        ("The Unlicense", "Unlicense"),
        ("ODC-By", "ODC-By-1.0"),
        ("ODbL 1.0", "ODbL-1.0"),
        ("PDDL", "PDDL-1.0"),
        ("OGL-UK-3.0", "OGL-UK-3.0"),
        ("Open Government License 3.0", "OGL-UK-3.0"),
        ("etalab-2.0", "etalab-2.0"),
        ("Licence Ouverte 2.0", "etalab-2.0"),
    ],
)
def test_a_licence_that_is_certain_is_named(text: str, spdx: str) -> None:
    notes: list[Problem] = []
    assert licences.read(text, notes).rights.spdx == spdx
    assert notes == []
    assert licences.read(spdx, []).rights.spdx == spdx or spdx.startswith("LicenseRef-")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CC BY", "licence_version_unknown"),
        ("CC-BY", "licence_version_unknown"),
        ("CC BY-NC", "licence_version_unknown"),
        ("Creative Commons Attribution-Noncommercial-Share Alike", "licence_version_unknown"),
        (f"{CC}/licenses/by/", "licence_version_unknown"),
        ("GPL", "licence_version_unknown"),
        ("BSD License", "licence_version_unknown"),
        ("Open Government Licence", "licence_version_unknown"),
        ("Licence Ouverte", "licence_version_unknown"),
        (f"{GNU}/licenses/gpl.html", "licence_version_unknown"),
        (f"{OGL}/", "licence_version_unknown"),
        ("http://creativecommons.org/licenses/by/2.0/uk/", "licence_port_unknown"),
        (f"{CC}/licenses/by-nc/3.0/es/", "licence_port_unknown"),
        (f"{CC}/licenses/by/5.0/", "licence_unknown"),
        (f"{CC}/licenses/xx/4.0/", "licence_unknown"),
        (f"{CC}/licenses/sampling+/1.0/", "licence_unknown"),
        ("https://spdx.org/licenses/nonsense", None),
        (f"{OSI}/licenses/nonsense-9.9", None),
        ("Public Domain", None),
        ("All rights reserved", None),
        ("Attribution", None),
        ("work by 3", None),
        ("2011 LSTC", None),
        (f"{CC}/licenses/by/4.0/ or {CC}/licenses/by-nc/4.0/", None),
    ],
)
def test_a_licence_in_doubt_stays_words(text: str, code: str | None) -> None:
    notes: list[Problem] = []
    rights = licences.read(text, notes).rights
    assert rights.spdx is None
    assert text in (rights.text, rights.uri)
    assert [note.code for note in notes] == ([code] if code else [])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("In Copyright", "InC"),
        ("in copyright.", "InC"),
        ("In Copyright - Educational Use Permitted", "InC-EDU"),
        ("No Copyright - United States", "NoC-US"),
        ("Copyright Not Evaluated", "CNE"),
    ],
)
def test_a_statement_of_rights_gets_its_uri_and_no_licence(text: str, name: str) -> None:
    rights = licences.read(text, []).rights
    assert (rights.text, rights.spdx) == (text, None)
    assert rights.uri == f"http://rightsstatements.org/vocab/{name}/1.0/"


@pytest.mark.parametrize(
    ("text", "access"),
    [
        ("info:eu-repo/semantics/openAccess", "open"),
        ("info:eu-repo/semantics/embargoedAccess", "embargoed"),
        ("info:eu-repo/semantics/restrictedAccess", "restricted"),
        ("info:eu-repo/semantics/closedAccess", "metadata_only"),
        ("http://purl.org/coar/access_right/c_abf2", "open"),
        ("http://purl.org/coar/access_right/c_f1cf", "embargoed"),
        ("https://purl.org/coar/access_right/c_16ec/", "restricted"),
        ("http://purl.org/coar/access_right/c_14cb", "metadata_only"),
        ("Open Access", "open"),
        ("Restricted access", "restricted"),
        ("closed", "metadata_only"),
        ("CC BY 4.0", None),
        ("ask at the desk", None),
    ],
)
def test_access_is_not_a_licence(text: str, access: str | None) -> None:
    notes: list[Problem] = []
    statement = licences.read(text, notes)
    assert (statement.access, notes) == (access, [])
    assert text in (statement.rights.text, statement.rights.uri)
    assert access is None or statement.rights.spdx is None
