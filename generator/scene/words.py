"""The words of the scene language beyond those of :mod:`generator.world.vocabulary`."""

from __future__ import annotations

from types import MappingProxyType

from generator.scene.figures import NOUNS
from generator.scene.pen import Color
from generator.world.vocabulary import COLOR_WORDS, COLORS, SHAPE_WORDS

PLACES = (
    "beach", "sea", "meadow", "forest", "mountains", "desert", "snow", "city", "room",
    "underwater", "space", "studio",
)
TIMES = ("day", "sunset", "night", "dim")
WEATHERS = ("clear", "rain", "snowfall", "fog", "wind")
CAMERAS = ("static", "pan left", "pan right", "zoom in", "zoom out", "orbit", "follow")
RELATIONS = ("left of", "right of", "behind", "in front of", "above", "below", "follows", "beside")

SCENE_COLORS: MappingProxyType[str, Color] = MappingProxyType(
    {
        **COLORS,
        "golden": (226, 170, 84),
        "brown": (134, 84, 50),
        "black": (52, 50, 56),
        "gray": (142, 146, 152),
    }
)
SCENE_COLOR_WORDS: MappingProxyType[str, str] = MappingProxyType(
    {
        **COLOR_WORDS,
        **{color: color for color in SCENE_COLORS},
        **dict.fromkeys(("blond", "blonde", "tan", "sandy", "ginger"), "golden"),
        **dict.fromkeys(("chestnut", "chocolate", "bay"), "brown"),
        **dict.fromkeys(("dark-coloured", "dark-colored"), "black"),
        **dict.fromkeys(("grey", "silver"), "gray"),
    }
)

_KINDS: MappingProxyType[str, str] = MappingProxyType(
    {
        "dog": "puppy hound retriever labrador poodle terrier beagle corgi husky bulldog spaniel "
        "collie dachshund sheepdog dalmatian wolf fox",
        "cat": "kitten tabby kitty tomcat tiger lion leopard",
        "horse": "pony stallion mare foal donkey zebra mustang",
        "bird": "sparrow eagle gull seagull pigeon parrot dove owl crow raven hawk falcon robin "
        "swallow duck goose swan",
        "fish": "goldfish salmon trout tuna carp clownfish shark dolphin whale",
        "butterfly": "moth butterflies",
        "person": "people man woman boy girl child kid children men women dancer runner walker "
        "hiker farmer worker traveller traveler astronaut surfer skater someone pedestrian",
        "robot": "android droid",
        "car": "taxi cab sedan suv jeep automobile van truck lorry convertible",
        "bus": "coach minibus trolleybus",
        "train": "locomotive tram railway",
        "boat": "ship sailboat yacht ferry canoe vessel dinghy sailing-boat",
        "plane": "airplane aeroplane aircraft jet airliner glider",
        "rocket": "spaceship spacecraft",
        "tree": "oak pine maple birch palm willow cherry-tree fir",
        "flower": "tulip daisy sunflower poppy lily orchid blossom daisies poppies lilies",
        "house": "cottage hut cabin home villa barn farmhouse",
        "ball": "football basketball volleyball beachball",
        "moon": "crescent",
        "cloud": "",
        "sun": "",
        "kite": "",
        "balloon": "",
        "top": "spinning-top",
    }
)
_PLURALS = {"person": "persons", "bus": "buses", "fish": "fishes", "butterfly": "butterflies"}


def _nouns() -> dict[str, tuple[str, bool]]:
    table: dict[str, tuple[str, bool]] = {}
    for word, shape in SHAPE_WORDS.items():
        table[word] = (shape, word.removesuffix("s") == shape)
    for noun in NOUNS:
        for kind in _KINDS[noun].split():
            table.setdefault(kind, (noun, False))
            table.setdefault(kind + "s", (noun, False))
        table[noun] = (noun, True)
        table[_PLURALS.get(noun, noun + "s")] = (noun, True)
    table["balls"] = ("ball", True)
    # Words that are something else far more often ("on top of", "a gentle robin").
    for word in ("tops", "homes"):
        table.pop(word, None)
    return table


NOUN_WORDS: MappingProxyType[str, tuple[str, bool]] = MappingProxyType(_nouns())
"""Word to (noun of the language, whether it says the same)."""

KIND_COLORS: MappingProxyType[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("retriever", "labrador", "corgi", "lion", "collie"), "golden"),
        **dict.fromkeys(("husky", "wolf", "dolphin", "shark", "pigeon", "donkey"), "gray"),
        **dict.fromkeys(("seagull", "gull", "dove", "swan", "goose", "daisy", "lily"), "white"),
        **dict.fromkeys(("crow", "raven"), "black"),
        **dict.fromkeys(("fox", "tiger", "goldfish", "clownfish"), "orange"),
        **dict.fromkeys(("sunflower", "taxi"), "yellow"),
        **dict.fromkeys(("poppy", "tulip", "robin"), "red"),
    }
)
"""Colours that a kind has when none is said."""

VERBS: MappingProxyType[str, tuple[str, float]] = MappingProxyType(
    {
        **dict.fromkeys(
            "runs running run races racing galloping dashes sprints sprinting speeds "
            "rushes charges gallop gallops dash sprint".split(),
            ("travel", 1.0),
        ),
        **dict.fromkeys(
            "walks walking walk strolls strolling moves moving move trots trotting wanders "
            "crosses goes going travels travelling traveling marches hikes passes crawls "
            "rides riding trot stroll cross pass".split(),
            ("travel", 0.6),
        ),
        **dict.fromkeys(
            "drive drives driving flies flying fly swims swimming swim sails sailing sail rolls "
            "rolling slides sliding flutters fluttering glides gliding soars soaring roll slide flutter glide soar".split(),
            ("travel", 0.8),
        ),
        **dict.fromkeys("drift drifts drifting float floats floating".split(), ("travel", 0.45)),
        **dict.fromkeys(
            "rise launch rises rising climbs climbing ascends ascending launches launching lifts".split(),
            ("rise", 0.8),
        ),
        **dict.fromkeys("fall descend falls falling descends descending sinks sinking lands sets".split(),
                        ("fall", 0.8)),
        **dict.fromkeys(
            "jumps jumping hops hopping leaps leaping bounces bouncing skips skipping jump hop bounce leap".split(),
            ("jump", 0.8),
        ),
        **dict.fromkeys("circles circling orbits orbiting revolves".split(), ("circle", 0.8)),
        **dict.fromkeys("pulses pulsing pulsates grows shrinks".split(), ("pulse", 0.8)),
        **dict.fromkeys(
            "stand sit rest wait stands standing sits sitting rests resting waits waiting stays still parked "
            "motionless stops sways swaying spins spinning shines shining blooms blooming".split(),
            ("still", 0.0),
        ),
    }
)
"""Verbs: what a thing does, and with which effort."""
NEAR_VERBS = frozenset("crawls rides riding skips skipping grows shrinks sits sitting".split())
"""Verbs that are drawn as something near to them only, and said to be."""

PHRASES: MappingProxyType[str, tuple[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("beach", "shore", "seaside", "coast", "sand beach"), ("place", "beach")),
        **dict.fromkeys(("sea", "ocean", "lake", "river", "water", "waves", "bay", "harbour",
                         "harbor", "pond"), ("place", "sea")),
        **dict.fromkeys(("meadow", "grass", "field", "fields", "lawn", "park", "garden", "prairie",
                         "hill", "hills", "farm", "countryside"), ("place", "meadow")),
        **dict.fromkeys(("forest", "wood", "woods", "jungle", "woodland"), ("place", "forest")),
        **dict.fromkeys(("mountains", "mountain", "alps", "valley"), ("place", "mountains")),
        **dict.fromkeys(("desert", "dunes", "sand", "sahara"), ("place", "desert")),
        **dict.fromkeys(("snow", "snowy", "winter", "arctic", "ice", "snowy landscape"),
                        ("place", "snow")),
        **dict.fromkeys(("city", "town", "street", "skyline", "downtown", "urban", "road",
                         "village", "skyscrapers", "city skyline"), ("place", "city")),
        **dict.fromkeys(("room", "living room", "kitchen", "indoors", "bedroom", "carpet"),
                        ("place", "room")),
        **dict.fromkeys(("underwater", "under water", "under the sea", "coral reef", "reef",
                         "aquarium"), ("place", "underwater")),
        **dict.fromkeys(("space", "outer space", "among the stars"), ("place", "space")),
        **dict.fromkeys(("studio", "gray background", "grey background", "plain background",
                         "gray studio", "gray wall"), ("place", "studio")),
        **dict.fromkeys(("day", "daylight", "noon", "sunny", "bright", "bright light", "sunlight",
                         "morning", "afternoon", "in the sun", "sunny day", "brightly lit"),
                        ("time", "day")),
        **dict.fromkeys(("sunset", "sunrise", "dusk", "dawn", "evening", "golden hour",
                         "setting sun", "sunset sky", "evening glow"), ("time", "sunset")),
        **dict.fromkeys(("night", "midnight", "moonlight", "moonlit", "night sky", "starry sky",
                         "under the stars", "starry night"), ("time", "night")),
        **dict.fromkeys(("dim", "dim light", "dimly lit", "dark", "gloomy", "low light"),
                        ("time", "dim")),
        **dict.fromkeys(("clear sky", "blue sky", "clear weather"), ("weather", "clear")),
        **dict.fromkeys(("rain", "rainy", "raining", "drizzle", "in the rain"),
                        ("weather", "rain")),
        **dict.fromkeys(("snowfall", "snowing", "snowflakes", "falling snow", "it snows"),
                        ("weather", "snowfall")),
        **dict.fromkeys(("fog", "foggy", "mist", "misty", "haze"), ("weather", "fog")),
        **dict.fromkeys(("wind", "windy", "breeze", "in the wind"), ("weather", "wind")),
        **dict.fromkeys(("static camera", "fixed camera", "still camera", "tripod", "static shot",
                         "camera does not move"), ("camera", "static")),
        **dict.fromkeys(("camera pans left", "pan left", "pans left", "panning left",
                         "camera moves left", "pan to the left"), ("camera", "pan left")),
        **dict.fromkeys(("camera pans right", "pan right", "pans right", "panning right",
                         "camera moves right", "pan to the right", "camera pans"),
                        ("camera", "pan right")),
        **dict.fromkeys(("zoom in", "zooms in", "zooming in", "camera zooms in", "push in",
                         "dolly in", "camera zooms"), ("camera", "zoom in")),
        **dict.fromkeys(("zoom out", "zooms out", "zooming out", "camera zooms out", "pull back",
                         "dolly out"), ("camera", "zoom out")),
        **dict.fromkeys(("camera orbits", "camera orbit", "orbit shot", "orbiting camera",
                         "camera circles", "camera moves around"), ("camera", "orbit")),
        **dict.fromkeys(("tracking shot", "camera follows", "camera tracks", "follow shot"),
                        ("camera", "follow")),
        **dict.fromkeys(("left of", "to the left of"), ("relation", "left of")),
        **dict.fromkeys(("right of", "to the right of"), ("relation", "right of")),
        **dict.fromkeys(("follows", "following", "chases", "chasing", "runs after"),
                        ("relation", "follows")),
        "behind": ("relation", "behind"),
        **dict.fromkeys(("in front of", "ahead of"), ("relation", "in front of")),
        **dict.fromkeys(("above", "over"), ("relation", "above")),
        **dict.fromkeys(("below", "under", "beneath", "underneath"), ("relation", "below")),
        **dict.fromkeys(("beside", "next to", "near", "alongside", "by"), ("relation", "beside")),
        **dict.fromkeys(("to the left", "moves left", "from right to left", "leftward",
                         "leftwards"), ("heading", "left")),
        **dict.fromkeys(("to the right", "moves right", "from left to right", "rightward",
                         "rightwards"), ("heading", "right")),
        **dict.fromkeys(("goes up", "moves up", "flies up", "upward", "upwards", "takes off",
                         "lifts off"), ("action", "rise")),
        **dict.fromkeys(("goes down", "moves down", "flies down", "downward", "downwards"),
                        ("action", "fall")),
        **dict.fromkeys(("slowly", "slow", "gently"), ("pace", "slow")),
        **dict.fromkeys(("quickly", "fast", "swiftly"), ("pace", "fast")),
        **dict.fromkeys(("two", "a pair of", "a couple of"), ("count", "2")),
        "three": ("count", "3"),
    }
)
"""Phrases to (kind, value); the longest one wins."""
