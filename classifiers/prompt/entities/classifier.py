"""Mentions to signals: how much a name matters in what the prompt asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from classifiers.prompt.entities.lists import Entity, EntityClass
from classifiers.prompt.entities.matcher import Mention

K = EntityClass
LIKENESS = MappingProxyType({K.PUBLIC_FIGURE: 0.85, K.LATE_FIGURE: 0.6, K.HISTORICAL_FIGURE: 0.2})
"""A living person's likeness weighs most; a figure of history is in every schoolbook."""
PROPERTY = MappingProxyType(
    {K.CHARACTER: 0.85, K.FRANCHISE: 0.8, K.ARTIST_STYLE: 0.6, K.BRAND: 0.55}
)
EVENT = 0.3
"""An election or a news event that is only named: a subject like any other."""
DECEPTIVE = 0.8
"""The same in words of forgery or broadcast: false footage is asked for."""
BRAND_SHOWN = 0.78
ASKED = 0.35
"""Factor for questions: asking who somebody is depicts nobody."""
RESEMBLES = 0.7
"""Factor for a franchise or studio that a look only resembles, as in "-like animation"."""
REFERRED = 0.5
"""Factor for a name that only says how something is filmed, as in "Name's style": it depicts
nobody. Not beside words of forgery."""
FUZZY = 0.9

_FORGED = re.compile(
    r"\b(fake|faked|fabricat\w*|forg\w*|deepfakes?|hoax|leaked|doctored|staged|rigg\w*|stolen|"
    r"confess\w*|admit\w*|announc\w*|declar\w*|resign\w*|arrest\w*|concede\w*|conced\w*|"
    r"breaking news|news (?:report|footage|clip|anchor|broadcast)|cctv|live footage|bod[yi]cam|"
    r"eyewitness|secret recording|hot mic|brib\w*|stuff\w*|burn\w*|switch\w*|tamper\w*|"
    r"cancel\w*|hack\w*|realistic footage|real footage|proof|proves?|evidence|endors\w*|"
    r"say(?:s|ing) that|tells? voters|collaps\w*|explo\w*|attack\w*|surrender\w*|flee\w*)\b",
    re.I,
)
_SHOWN = re.compile(
    r"\b(logos?|commercials?|adverts?|advertis\w*|ad campaign|trademarks?|counterfeit|replica|"
    r"packaging|billboard|mascot|branded|swoosh|official)\b",
    re.I,
)
_STYLE = re.compile(r"\b(style|by|art|artwork|aesthetic|inspired|artstation)\b", re.I)
_ALIKE = re.compile(r"\w-(?:like|esque|inspired|style)", re.I)
_MANNER = re.compile(
    r"(?:\b(?:style|manner|vein|spirit|tradition|aesthetics?|look) of|\binspired by|"
    r"\binfluenced by|\breferences?:|\bhomage to|\breminiscent of|\b[aà] la|"
    r"\b(?:shot|filmed|captured|recorded) (?:on|with)(?: an?)?|\bhandheld)"
    r"(?:[^.;:\n]{0,60}(?:,|&|\band\b|\bor\b))?\s*[\"']?$",
    re.I,
)
_MANNERED = re.compile(
    r"^[\"']?(?:['’]s)?[\s-]{0,2}(?:[\w]+\s)?(?:style[ds]?|esque|inspired|scale|aesthetics?|vibes?|"
    r"cinematography|(?:colou?r )?(?:grading|palette)|lighting|visual language)\b",
    re.I,
)
_QUESTION = re.compile(
    r"^\s*(who|what|when|where|why|how|which|is|are|was|were|did|does|do|can|could|should|"
    r"would|has|have|tell me|explain|list|name|define|translate|summari[sz]e)\b",
    re.I,
)
_DEPICT = re.compile(
    r"\b(videos?|clips?|films?|footage|animat\w*|render\w*|scene|shot|picture|image|photo\w*|"
    r"draw\w*|paint\w*|deepfake\w*|generate|show(?:s|ing)? (?:me )?)\b",
    re.I,
)
_HISTORIC = re.compile(
    r"\b(museum|statue|portrait|exhibit\w*|biograph\w*|history|historical|documentary|textbook|"
    r"anniversary|memorial|re-?enact\w*|lecture|library)\b",
    re.I,
)

CATEGORIES = ("likeness", "intellectual_property", "elections", "misinformation")


@dataclass(frozen=True, slots=True)
class Match:
    """``entity`` counts for ``category`` with ``score`` in [0, 1]. The text is not kept."""

    entity: Entity
    category: str
    score: float


class EntityClassifier:
    """Scores of the four categories that names decide, from the mentions in one text.

    Scores are degrees set by hand, not calibrated probabilities; the constants above say why.
    """

    def score(self, text: str, mentions: Sequence[Mention]) -> dict[str, float]:
        """Category to score in [0, 1] for every category of :data:`CATEGORIES`."""
        found = dict.fromkeys(CATEGORIES, 0.0)
        for match in self.matches(text, mentions):
            found[match.category] = max(found[match.category], match.score)
        return found

    def matches(self, text: str, mentions: Sequence[Mention]) -> tuple[Match, ...]:
        """What each name counts for, the strongest first; a name may count for two categories."""
        if not mentions:
            return ()
        forged = bool(_FORGED.search(text))
        politics = any(m.entity.role == "politician" for m in mentions)
        asked = ASKED if _QUESTION.search(text) and not _DEPICT.search(text) else 1.0
        found: dict[tuple[str, str], Match] = {}
        for mention in mentions:
            factor = asked * (FUZZY if mention.fuzzy else 1.0)
            for category, value in self._one(mention, text, forged, politics).items():
                key = (mention.entity.id, category)
                score = value * factor
                if score > 0 and (key not in found or score > found[key].score):
                    found[key] = Match(mention.entity, category, score)
        return tuple(sorted(found.values(), key=lambda m: -m.score))

    def _one(self, mention: Mention, text: str, forged: bool, politics: bool) -> dict[str, float]:
        kind = mention.entity.kind
        manner = not forged and bool(
            _MANNER.search(mention.before) or _MANNERED.search(mention.after)
        )
        if kind in LIKENESS:
            value = LIKENESS[kind] * (REFERRED if manner else 1.0)
            if kind is not K.PUBLIC_FIGURE and _HISTORIC.search(text):
                value *= 0.5
            living = kind is K.PUBLIC_FIGURE and mention.entity.role == "politician"
            return {"likeness": value, "elections": DECEPTIVE if living and forged else 0.0}
        if kind in PROPERTY:
            value = PROPERTY[kind]
            if manner or (kind is K.FRANCHISE and _ALIKE.search(text)):
                value *= RESEMBLES
            shown = _SHOWN.search(mention.before) or _SHOWN.search(mention.after)
            if kind is K.BRAND and shown and not manner:
                value = BRAND_SHOWN
            if kind is K.ARTIST_STYLE and not _STYLE.search(text):
                value *= 0.5
            return {"intellectual_property": value}
        category = "misinformation" if kind is K.NEWS_EVENT else "elections"
        if kind is K.INSTITUTION:
            return {category: DECEPTIVE - 0.1 if forged else 0.1}
        return {category: DECEPTIVE if forged else 0.5 if politics else EVENT}
