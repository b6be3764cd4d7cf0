"""The taxonomy of harm: what every classifier scores and every rule names.

A category is a stable snake_case id. ``HARM`` categories say what a prompt or a clip
shows; ``TECHNICAL`` categories say what a check found about the file itself. Crosswalks
give the ids of the MLCommons AILuminate taxonomy (Llama Guard S1-S14), of OpenAI's
moderation endpoint (13 categories) and the closest heading of the EU Digital Services
Act's Transparency Database, so that reports can be read by people who use those words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    HARM = "harm"
    TECHNICAL = "technical"


@dataclass(frozen=True, slots=True)
class Category:
    """One entry of the taxonomy.

    ``mlcommons`` and ``openai`` are empty where the other taxonomy has no such category.
    """

    id: str
    kind: Kind
    title: str
    definition: str
    mlcommons: tuple[str, ...] = ()
    openai: tuple[str, ...] = ()
    dsa: str | None = None


_H, _T = Kind.HARM, Kind.TECHNICAL

_ALL = (
    Category("unsafe", _H, "Unsafe", "Any harm of the taxonomy: one calibrated probability."),
    Category(
        "sexual",
        _H,
        "Sexual content",
        "Nudity or sexual activity of adults, made to arouse.",
        ("S12",),
        ("sexual",),
        "STATEMENT_CATEGORY_PORNOGRAPHY_OR_SEXUALIZED_CONTENT",
    ),
    Category(
        "sexual_minors",
        _H,
        "Sexual content with minors",
        "Any sexualised depiction of a person who is or looks under 18.",
        ("S4",),
        ("sexual/minors",),
        "STATEMENT_CATEGORY_PROTECTION_OF_MINORS",
    ),
    Category(
        "ncii",
        _H,
        "Non-consensual intimate imagery",
        "Intimate depiction of a real person without consent; undressing; sexual deepfakes.",
        ("S3",),
        (),
        "STATEMENT_CATEGORY_NON_CONSENSUAL_BEHAVIOUR",
    ),
    Category(
        "violence",
        _H,
        "Violence",
        "Physical harm to people or animals shown, praised or threatened.",
        ("S1",),
        ("violence",),
        "STATEMENT_CATEGORY_VIOLENCE",
    ),
    Category(
        "gore",
        _H,
        "Graphic violence",
        "Blood, mutilation, torture or corpses in detail.",
        ("S1",),
        ("violence/graphic",),
        "STATEMENT_CATEGORY_VIOLENCE",
    ),
    Category(
        "hate",
        _H,
        "Hate",
        "Attack on people for a protected characteristic.",
        ("S10",),
        ("hate", "hate/threatening"),
        "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH",
    ),
    Category(
        "harassment",
        _H,
        "Harassment",
        "Insult, bullying or threat against a person.",
        (),
        ("harassment", "harassment/threatening"),
        "STATEMENT_CATEGORY_CYBER_VIOLENCE",
    ),
    Category(
        "self_harm",
        _H,
        "Self-harm",
        "Suicide, self-injury or eating disorders shown, encouraged or taught.",
        ("S11",),
        ("self-harm", "self-harm/intent", "self-harm/instructions"),
        "STATEMENT_CATEGORY_SELF_HARM",
    ),
    Category(
        "illicit",
        _H,
        "Crime and illicit goods",
        "Instructions for, promotion of or trade in crime, drugs and illegal goods.",
        ("S2",),
        ("illicit", "illicit/violent"),
        "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS",
    ),
    Category(
        "weapons",
        _H,
        "Weapons of mass harm",
        "Chemical, biological, radiological, nuclear or explosive weapons: making or use.",
        ("S9",),
        ("illicit/violent",),
        "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY",
    ),
    Category(
        "extremism",
        _H,
        "Terrorism and extremism",
        "Praise, recruitment or propaganda for violent extremism.",
        ("S1",),
        (),
        "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY",
    ),
    Category(
        "elections",
        _H,
        "Deception about politics and elections",
        "False footage of candidates, officials, voting or political events.",
        ("S13",),
        (),
        "STATEMENT_CATEGORY_NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS",
    ),
    Category(
        "misinformation",
        _H,
        "Deceptive footage of events",
        "Fabricated news, disasters, health or conflict footage presented as real.",
        (),
        (),
        "STATEMENT_CATEGORY_NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS",
    ),
    Category(
        "likeness",
        _H,
        "Likeness of a real person",
        "A recognisable real person, public or private, named or described.",
        ("S5",),
        (),
        "STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS",
    ),
    Category(
        "intellectual_property",
        _H,
        "Protected characters and brands",
        "Protected characters, franchises, trademarks and the style of a living artist.",
        ("S8",),
        (),
        "STATEMENT_CATEGORY_INTELLECTUAL_PROPERTY_INFRINGEMENTS",
    ),
    Category(
        "privacy",
        _H,
        "Privacy",
        "Personal data, stalking or covert surveillance of private people.",
        ("S7",),
        (),
        "STATEMENT_CATEGORY_DATA_PROTECTION_AND_PRIVACY_VIOLATIONS",
    ),
    Category(
        "minors",
        _H,
        "Minors",
        "A person under 18 is asked for or shown; harmless by itself, context for rules.",
        (),
        (),
        "STATEMENT_CATEGORY_PROTECTION_OF_MINORS",
    ),
    Category(
        "advice",
        _H,
        "Unqualified specialist advice",
        "Medical, legal or financial advice that can hurt when it is wrong.",
        ("S6",),
        (),
        "STATEMENT_CATEGORY_CONSUMER_INFORMATION",
    ),
    Category(
        "code_abuse",
        _H,
        "Code interpreter abuse",
        "Attempts to abuse tools or the system itself, prompt injection included.",
        ("S14",),
        (),
        "STATEMENT_CATEGORY_OTHER_VIOLATION_TC",
    ),
    Category("disguise", _T, "Disguised text", "The wording was disguised to evade checks."),
    Category("language", _T, "Unsupported language", "No configured model judges this language."),
    Category("undecodable", _T, "Undecodable frames", "Frames that could not be decoded."),
    Category("black", _T, "Black frames", "Frames without visible content."),
    Category("frozen", _T, "Frozen frames", "Runs of frames that do not change."),
    Category("flash", _T, "Flashing", "General, red or extended flashes over large areas."),
    Category(
        "flash_local",
        _T,
        "Local flashing",
        "Block-wise flashing or patterns which whole-frame rules do not see.",
    ),
    Category("stripes", _T, "Regular stripes", "More than five pairs of stripes, a large area."),
    Category("hash_match", _T, "Hash bank hit", "A frame matches a bank of known content."),
    Category("own_output", _T, "Our own output", "A frame matches a clip that we published."),
    Category("synthetic", _T, "Likely synthetic", "A calibrated detector calls it generated."),
    Category("deepfake", _T, "Likely face manipulation", "A calibrated detector calls it faked."),
    Category("face", _T, "Faces", "A face is visible."),
    Category("loudness", _T, "Loud bursts", "Sound that can hurt: sudden and very loud."),
    Category("sound", _T, "Sound", "What the sound says or plays."),
    Category("track", _T, "Further video track", "Pictures that a player's menu leads to."),
    Category("subtitles", _T, "Subtitles", "Text tracks of a video."),
    Category("attachment", _T, "Attachments", "Files inside a video file."),
    Category("hidden_frames", _T, "Hidden frames", "Frames that an edit list leaves out."),
    Category("trailing_bytes", _T, "Trailing bytes", "Bytes behind the end of the format."),
    Category("enrolled_likeness", _T, "Enrolled likeness", "Matches a person who enrolled."),
)

CATEGORIES = MappingProxyType({category.id: category for category in _ALL})
HARM = tuple(c.id for c in _ALL if c.kind is Kind.HARM)
TECHNICAL = tuple(c.id for c in _ALL if c.kind is Kind.TECHNICAL)

OPENAI_CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit",
    "illicit/violent", "self-harm", "self-harm/intent", "self-harm/instructions",
    "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
MLCOMMONS_CATEGORIES = tuple(f"S{n}" for n in range(1, 15))


def category(id: str) -> Category:
    """The category with this id; ``KeyError`` when the taxonomy has none."""
    return CATEGORIES[id]
