"""The words of the caption language, what they mean in pixels, and how people also say them."""

from __future__ import annotations

from types import MappingProxyType

RGB = tuple[int, int, int]

COLORS: MappingProxyType[str, RGB] = MappingProxyType(
    {
        "red": (222, 38, 44),
        "green": (40, 186, 72),
        "blue": (44, 88, 236),
        "yellow": (247, 214, 40),
        "purple": (148, 52, 204),
        "orange": (248, 134, 26),
        "white": (246, 246, 248),
        "pink": (252, 118, 192),
    }
)
SHAPES = ("circle", "square", "triangle", "star", "heart", "ring")
SIZES = ("small", "medium", "big")
MOTIONS = ("left", "right", "up", "down", "still", "orbit", "bounce", "pulse")
PLACES = ("sea", "meadow", "desert", "night", "sunset", "studio", "snow", "city")
LIGHTS = ("bright", "dim")
CAMERAS = ("static", "pan left", "pan right")

PLACE_COLORS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "sea": ("blue",),
        "meadow": ("green",),
        "desert": ("yellow", "orange"),
        "night": ("blue",),
        "sunset": ("red", "orange", "pink", "purple"),
        "snow": ("white",),
    }
)
"""Colours that a place has anyway; any other that a prompt gives it is not drawn."""

PHRASES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "left": ("moves left", "slides to the left", "drifts left", "travels from right to left"),
        "right": (
            "moves right",
            "slides to the right",
            "drifts right",
            "travels from left to right",
        ),
        "up": ("moves up", "rises", "floats upward", "climbs up"),
        "down": ("moves down", "falls", "drops down", "sinks"),
        "still": ("stays still", "does not move", "rests in place", "is motionless"),
        "orbit": ("moves in a circle", "circles around", "goes round and round"),
        "bounce": ("bounces", "hops up and down", "jumps up and down"),
        "pulse": ("pulses", "grows and shrinks", "swells and contracts"),
        "sea": ("over the sea", "above blue water", "over the ocean"),
        "meadow": ("on a green meadow", "over grass", "on a field of grass"),
        "desert": ("in the desert", "over sand dunes", "in a sandy desert"),
        "night": ("under a night sky", "at night with stars", "in front of a starry sky"),
        "sunset": ("at sunset", "in front of a sunset sky", "in the evening glow"),
        "studio": ("in a gray studio", "on a plain gray background", "in front of a gray wall"),
        "snow": ("in the snow", "in a snowy landscape", "in winter"),
        "city": ("in front of a city skyline", "in the city", "above the houses of a town"),
        "bright": ("in bright light", "brightly lit"),
        "dim": ("in dim light", "dimly lit"),
        "static": ("static camera", "the camera does not move"),
        "pan left": ("the camera pans left", "panning left"),
        "pan right": ("the camera pans right", "panning right"),
    }
)
"""Phrasings of each value; the first of each is the canonical one."""

COLOR_WORDS: MappingProxyType[str, str] = MappingProxyType(
    {
        **{color: color for color in COLORS},
        **dict.fromkeys(("crimson", "scarlet", "ruby", "reddish"), "red"),
        **dict.fromkeys(("emerald", "lime", "greenish"), "green"),
        **dict.fromkeys(("azure", "navy", "cyan", "turquoise", "teal", "bluish"), "blue"),
        **dict.fromkeys(("gold", "golden", "yellowish"), "yellow"),
        **dict.fromkeys(("violet", "lilac", "lavender", "indigo"), "purple"),
        **dict.fromkeys(("amber", "tangerine"), "orange"),
        **dict.fromkeys(("silver", "pale", "ivory"), "white"),
        **dict.fromkeys(("magenta", "rose", "rosy", "fuchsia"), "pink"),
    }
)
SHAPE_WORDS: MappingProxyType[str, str] = MappingProxyType(
    {
        **{shape: shape for shape in SHAPES},
        **{shape + "s": shape for shape in SHAPES},
        **dict.fromkeys(("ball", "balls", "disc", "disk", "dot", "sphere", "balloon"), "circle"),
        **dict.fromkeys(("box", "boxes", "cube", "block", "tile"), "square"),
        **dict.fromkeys(("pyramid", "cone", "arrowhead"), "triangle"),
        **dict.fromkeys(("starfish", "pentagram"), "star"),
        **dict.fromkeys(("valentine",), "heart"),
        **dict.fromkeys(("hoop", "donut", "doughnut", "wheel", "tyre", "tire"), "ring"),
    }
)
SIZE_WORDS: MappingProxyType[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("small", "little", "tiny", "mini"), "small"),
        **dict.fromkeys(("medium", "medium-sized"), "medium"),
        **dict.fromkeys(("big", "large", "huge", "giant", "enormous"), "big"),
    }
)
EXTRA_PHRASES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "left": (
            "moving left", "sliding left", "slides left", "sliding to the left", "drifting left",
            "moves to the left", "moving to the left", "goes left", "going left", "flies left",
            "flying left", "rolls left", "rolling left", "runs left", "travels left", "leftward",
            "to the left", "from right to left",
        ),
        "right": (
            "moving right", "sliding right", "slides right", "sliding to the right",
            "drifting right", "moves to the right", "moving to the right", "goes right",
            "going right", "flies right", "flying right", "rolls right", "rolling right",
            "runs right", "travels right", "rightward", "to the right", "from left to right",
        ),
        "up": (
            "moving up", "moves upward", "rising", "floating up", "floats up", "floating upward",
            "ascends", "ascending", "climbing", "flies up", "flying up", "goes up", "upward",
            "upwards", "lifts off",
        ),
        "down": (
            "moving down", "moves downward", "falling", "dropping", "drops", "sinking",
            "descends", "descending", "goes down", "falls down", "falling down", "downward",
            "downwards",
        ),
        "still": (
            "still", "motionless", "standing still", "stands still", "staying still", "stays",
            "rests", "resting", "sits", "sitting", "stands", "standing", "unmoving",
            "not moving", "at rest",
        ),
        "orbit": (
            "orbits around", "orbits", "orbiting", "circles", "circling", "moving in a circle",
            "revolves", "revolving", "moves in circles", "moving in circles", "loops",
            "goes in circles",
        ),
        "bounce": (
            "bouncing", "bounces up and down", "bouncing up and down", "hops", "hopping",
            "jumps", "jumping", "leaps",
        ),
        "pulse": (
            "pulsing", "pulsates", "pulsating", "throbs", "throbbing", "breathes", "beats",
            "beating", "growing and shrinking", "swelling",
        ),
        "sea": (
            "sea", "ocean", "water", "beach", "lake", "waves", "by the sea", "river", "coast",
        ),
        "meadow": (
            "meadow", "grass", "field", "lawn", "park", "garden", "prairie", "hills", "hill",
        ),
        "desert": ("desert", "dunes", "sand", "dune", "sahara"),
        "night": (
            "night sky", "starry sky", "at night", "night", "under the stars", "in space",
            "outer space", "space", "midnight", "moonlit",
        ),
        "sunset": ("sunset", "sunrise", "dusk", "dawn", "evening"),
        "studio": (
            "studio", "gray background", "grey background", "gray wall", "grey wall",
            "plain background", "gray studio", "grey studio", "in a grey studio", "wall",
        ),
        "snow": ("snow", "snowy", "winter", "snowfall", "snowing", "ice", "arctic"),
        "city": (
            "city", "town", "skyline", "street", "urban", "downtown", "skyscrapers", "buildings",
        ),
        "bright": (
            "bright", "bright light", "daylight", "sunlight", "sunny", "well lit", "in daylight",
            "in sunlight", "in the sun",
        ),
        "dim": (
            "dim", "dim light", "dark", "in the dark", "darkness", "shadowy", "gloomy",
            "low light", "in low light",
        ),
        "static": (
            "still camera", "fixed camera", "camera is still", "the camera is still",
            "with a static camera", "tripod", "locked-off shot", "static shot",
        ),
        "pan left": (
            "camera pans left", "pan left", "camera panning left", "camera moves left",
            "pans left", "pan to the left", "camera pans to the left",
            "the camera pans to the left", "the camera moves left",
        ),
        "pan right": (
            "camera pans right", "pan right", "camera panning right", "camera moves right",
            "pans right", "pan to the right", "camera pans to the right",
            "the camera pans to the right", "the camera moves right",
        ),
    }
)  # fmt: skip
"""Phrasings understood in prompts beside :data:`PHRASES`, never written by us."""

INEXACT_MOTIONS: MappingProxyType[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("grows", "growing", "expands", "gets bigger"), "pulse"),
        **dict.fromkeys(("shrinks", "shrinking", "contracts", "gets smaller"), "pulse"),
        **dict.fromkeys(("spins", "spinning", "rotates", "rotating", "turns"), "orbit"),
        **dict.fromkeys(("dances", "dancing", "plays", "playing"), "bounce"),
        **dict.fromkeys(
            (
                "moves", "moving", "runs", "running", "walks", "walking", "drives", "driving",
                "flies", "flying", "rolls", "rolling", "slides", "sliding", "swims", "swimming",
                "travels", "drifts", "drifting", "floats", "floating", "sails", "sailing",
                "crosses", "races", "racing",
            ),
            "right",
        ),
    }
)  # fmt: skip
"""Motions that the language lacks, with the nearest that it has."""

STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "or",
        "the",
        "of",
        "with",
        "in",
        "on",
        "at",
        "to",
        "from",
        "by",
        "as",
        "is",
        "are",
        "it",
        "its",
        "that",
        "this",
        "these",
        "those",
        "while",
        "then",
        "there",
        "where",
        "which",
        "who",
        "into",
        "onto",
        "over",
        "above",
        "under",
        "before",
        "behind",
        "beside",
        "near",
        "through",
        "across",
        "very",
        "slowly",
        "quickly",
        "gently",
        "fast",
        "slow",
        "video",
        "clip",
        "shot",
        "scene",
        "footage",
        "film",
        "movie",
        "image",
        "picture",
        "photo",
        "animation",
        "showing",
        "shows",
        "show",
        "make",
        "create",
        "generate",
        "please",
        "me",
        "us",
        "my",
        "one",
        "some",
        "background",
        "light",
        "lit",
        "camera",
        "sky",
        "front",
        "plain",
        "style",
        "around",
        "whole",
        "being",
        "be",
        "has",
        "have",
        "for",
        "just",
        "also",
        "up",
        "down",
    ]
)
"""Words that carry nothing that could be drawn; never reported as unexpressed."""
