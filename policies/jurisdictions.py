"""ISO 3166 codes, and the groups of countries that rules may name."""

from __future__ import annotations

import re

_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR
BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ
EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW
GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY
KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV
MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY
QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG
TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM
ZW
"""
_MEMBERS = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"

COUNTRIES = frozenset(_CODES.split())
"""ISO 3166-1 alpha-2."""

_EU = frozenset(_MEMBERS.split())
GROUPS = {"EU": _EU, "EEA": _EU | {"IS", "LI", "NO"}}

_SUBDIVISION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")


def known(code: str) -> bool:
    """Whether a rule may name ``code``: a country, one of its subdivisions, or a group.

    Subdivisions are checked for their form (ISO 3166-2) and country only.
    """
    if code in COUNTRIES or code in GROUPS:
        return True
    return _SUBDIVISION.fullmatch(code) is not None and code[:2] in COUNTRIES


def covers(pattern: str, code: str) -> bool:
    """Whether a rule for ``pattern`` applies in ``code``: ``EU`` covers ``DE``, ``US`` covers
    ``US-CA``; nothing covers an unknown place (empty ``code``)."""
    country = code[:2]
    return pattern in (code, country) or country in GROUPS.get(pattern, ())
