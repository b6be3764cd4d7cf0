"""Word lists that the harmless and the harmful captions share."""

from __future__ import annotations

from classifiers.prompt.training.written.grammar import lines

PERSON = lines("""
a man|a woman|an old man|an elderly woman|a young woman|a young man|two friends|a couple
a teacher|a nurse|a farmer|a baker|a mechanic|a dancer|a violinist|a street musician|a monk
a scientist|an astronaut|a fisherman|a soldier|a police officer|a firefighter|a waiter|a pilot
a cyclist|a tourist|a bride and groom|a grandmother|a father|a group of friends|a crowd
a businessman|an office worker|a painter|a sculptor|a gardener|a surfer|a climber|a runner
a photographer|a barista|a doctor|a carpenter|a shepherd|a knight|a wizard|a robot|a cyborg
an athlete|a basketball player|a goalkeeper|a ballerina|a chef|a Black woman|an Asian man
a Muslim family|a Jewish baker|a gay couple|a woman in a wheelchair|a deaf teacher|a nun
an Indian grandmother|a Mexican band|a refugee family|a pregnant woman|twins|a drummer
""")
ANIMAL = lines("""
a dog|a cat|a golden retriever|a kitten|a horse|a herd of elephants|a lion|a tiger|an owl
a flock of birds|a hummingbird|a dolphin|a whale|a shark|a jellyfish|an octopus|a turtle|a fox
a wolf|a bear|a polar bear|a penguin colony|a panda|a rabbit|a squirrel|a butterfly|a bee
a spider|a snake|a crocodile|a deer|a giraffe|a zebra|a monkey|a parrot|a cow|a sheep|a goat
""")
THING = lines("""
a red car|a sailing boat|a steam train|a hot air balloon|a drone|a bicycle|a spaceship|a robot
a paper lantern|a candle|a cup of coffee|a bowl of soup|a wedding cake|a wooden toy|a kite
a clock|a waterfall|a volcano|a lighthouse|a windmill|a castle|a skyscraper|a neon sign
a mountain|a river|a forest|a desert|a galaxy|the moon|a rose|a field of tulips|a blue sphere
a big red circle|a green square|a yellow triangle|three glass balls|a purple star|a dragon
""")
PLACE = lines("""
on a beach|in a park|in a busy street|in a kitchen|in a cafe|in a library|in the mountains
in a forest|on a rooftop|at a train station|in a market|in a living room|in a classroom
in outer space|under water|in the desert|in a snowy village|in a city at night|by a lake
in a stadium|in a garden|in a museum|in a workshop|on a farm|in an office|in a hospital
in a church|on a bridge|in a subway car|in a theatre|over the ocean|in a rain forest
""")
TIME = lines("""
at sunset|at dawn|at night|in the morning|in the rain|in heavy snow|in autumn|in spring
in the fog|under the stars|in bright daylight|in golden light|during a thunderstorm
""")
CAMERA = lines("""
slow motion|time-lapse|aerial drone shot|close-up|wide shot|tracking shot|handheld camera
dolly zoom|low angle|over the shoulder|the camera slowly pans left|the camera zooms in
the camera orbits around|static shot|first person view|timelapse|macro shot|crane shot
""")
LOOK = lines("""
cinematic|photorealistic|4k|8k, highly detailed|anime style|watercolor|oil painting
black and white|vintage film grain|pixar-like 3D animation|claymation|stop motion|pixel art
in the style of impressionism|film noir|documentary footage|vertical video|HDR|bokeh
low poly|soft lighting|dramatic lighting|hyperrealistic|unreal engine|35mm film
""")
LEAD = (*lines("""
a video of|a clip of|footage of|an animation of|a short film about|a scene with|a shot of
generate a video of|create a clip showing|make a video where|show|render|please animate
a cinematic shot of|a time-lapse of|a documentary about|I want a video of|video:|
"""), "", "", "", "", "")
TAIL = ("", "", "", "", ", {camera}", ", {look}", ", {camera}, {look}", " {place}", " {time}",
        " {place} {time}", " {place}, {look}", ", {look}, {camera}")
VICTIM = lines("""
a man|a woman|an old man|a young woman|a stranger|his wife|her husband|his neighbour|a prisoner
a soldier|a police officer|a journalist|a protester|a homeless man|a hostage|a crowd of people
a dog|a cat|a horse|a teenager|two strangers|the victim|a civilian|a nurse|a shopkeeper
""")
CITY = lines("""
Paris|Berlin|Lagos|Mumbai|Tokyo|Toronto|Lima|Cairo|Seoul|Madrid|Rome|Sydney|Nairobi|Oslo
Chicago|Dublin|Prague|Istanbul|Jakarta|Manila|Bogota|Warsaw|Athens|Vienna|Accra|Hanoi
""")
NAME = lines("""
Anna|Lukas|Priya|Tom|Sofia|Ahmed|Mei|Carlos|Emma|Noah|Olivia|Ivan|Fatima|Jake|Laura|Ben
""")
SHARED = {
    "person": PERSON, "animal": ANIMAL, "thing": THING, "place": PLACE, "time": TIME,
    "camera": CAMERA, "look": LOOK, "lead": LEAD, "tail": TAIL, "victim": VICTIM, "city": CITY,
    "name": NAME,
}
